"""The Beam graph of ingestion.

slices of the day ─────┐
slices of days before ─┴► read, check ─► impressions ─────────────────► by user ► join, write a file each
                                     ├► behaviors ───────────────────►  ▲  ▲
                                     ├► rated, wanted ► by user ► count ┘  └─ answers
                                     │                             └► by key ──┘
                                     ├► tallies of rows ► profile
                                     └► refused rows, counts, damaged files ► quarantine, summary
"""

from __future__ import annotations

import collections
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa

from scenerank.components import hashing
from scenerank.components.day_profile.tally import Tally
from scenerank.components.log_example_gen import coder
from scenerank.components.log_example_gen.checking import quarantine
from scenerank.components.log_example_gen.checking.checks import check, day_start_ms
from scenerank.components.log_example_gen.job import Job
from scenerank.components.log_example_gen.joining import rates, streams
from scenerank.components.log_example_gen.joining.assemble import Partition
from scenerank.components.log_example_gen.joining.history import latest
from scenerank.components.log_example_gen.joining.rate_steps import (
    KEYED,
    SHARED,
    TOTALS,
    AnswerRates,
    CountRates,
    total,
)
from scenerank.components.log_example_gen.reading.files import LogSlice
from scenerank.components.log_example_gen.reading.reader import read
from scenerank.components.log_example_gen.writing import writer
from scenerank.components.workspace import Workspace
from scenerank.errors import DataError
from scenerank.schemas.declaration import Declaration

COUNTS, REFUSED, DAMAGED, RATED, TALLIES = "counts", "refused", "damaged", "rated", "tallies"


def build(pipeline: beam.Pipeline, job: Job, slices: list[LogSlice]) -> None:
    """Adds ingestion to a pipeline; results are files only."""
    coder.register()
    declaration = job.load()
    read_rows = (
        pipeline
        | "LogSlices" >> beam.Create(slices)
        | "Spread" >> beam.Reshuffle()
        | "ReadAndCheck"
        >> beam.ParDo(ReadAndCheck(job)).with_outputs(RATED, COUNTS, REFUSED, DAMAGED, TALLIES, main="rows")
    )
    rows, counts = [read_rows.rows], [read_rows[COUNTS]]
    sums = []
    if declaration.rates:
        counted = (
            read_rows[RATED]
            | "RatedTyped" >> _typed()
            | "RatedByUser" >> beam.GroupByKey()
            | "Count" >> beam.ParDo(CountRates(job)).with_outputs(SHARED, TOTALS, main="rows")
        )
        answers = (
            counted[SHARED]
            | "SharedTyped" >> _typed()
            | "ByKey" >> beam.GroupByKey()
            | "Answer" >> beam.ParDo(AnswerRates())
        )
        rows += [counted.rows, answers]
        totals = counted[TOTALS] | "Totals" >> beam.combiners.ToList() | "Sum" >> beam.Map(total)
        sums = [beam.pvalue.AsSingleton(totals)]
    written = (
        rows
        | "Streams" >> beam.Flatten()
        | "ByUser" >> beam.GroupByKey()
        | "JoinAndWrite" >> beam.ParDo(JoinAndWrite(job), *sums)
    )
    counts.append(written)
    tally = counts | "Counts" >> beam.Flatten() | "Tally" >> beam.CombineGlobally(_add)
    _ = read_rows[TALLIES] | "Merge" >> beam.CombineGlobally(Tally.merged) | "Profile" >> beam.Map(_profile, job)
    _ = (
        pipeline
        | "Once" >> beam.Create([job])
        | "Quarantine"
        >> beam.Map(
            quarantine.write,
            beam.pvalue.AsIter(read_rows[REFUSED]),
            beam.pvalue.AsSingleton(tally),
            beam.pvalue.AsIter(read_rows[DAMAGED]),
        )
    )


def _typed() -> beam.PTransform:
    """Tagged outputs have no type; without one Beam pickles, and a pickled slice holds its whole batch."""
    return beam.Map(lambda element: element).with_output_types(KEYED)


@beam.typehints.with_output_types(KEYED)
class ReadAndCheck(beam.DoFn):
    """A slice to (partition, batch) of impressions and behaviors; beside it what rates, quarantine and summary need."""

    def __init__(self, job: Job):
        self._job = job

    def setup(self) -> None:
        coder.register()
        self._declaration = self._job.load()
        self._workspace = Workspace(self._job.workspace)
        self._settled = settled_ms(self._declaration, self._job.day)
        key_sets = self._declaration.rates.keys if self._declaration.rates else ()
        self._shared = len(key_sets) > len(rates.of_user(self._declaration))

    def process(self, log_slice: LogSlice) -> Iterator[Any]:
        counts: collections.Counter[str] = collections.Counter()
        refused = quarantine.Part(self._job)
        tally = Tally()
        try:
            for first, raw in read(log_slice, self._workspace, self._declaration, self._job.settings.batch_rows):
                places = np.arange(first, first + raw.num_rows)
                if log_slice.day == self._job.day:
                    good = self._checked(log_slice, raw, places, counts, refused)
                    tally = Tally.merged([tally, Tally.of(good, self._declaration)])
                    yield from self._today(good)
                else:
                    yield from self._earlier(log_slice, raw, places)
        except DataError as error:
            yield beam.pvalue.TaggedOutput(DAMAGED, str(error))
        finally:
            refused.close()
        if refused.uri:
            yield beam.pvalue.TaggedOutput(REFUSED, (log_slice.file, log_slice.first_row, refused.uri))
        yield beam.pvalue.TaggedOutput(COUNTS, counts)
        if log_slice.day == self._job.day:
            yield beam.pvalue.TaggedOutput(TALLIES, tally)

    def _checked(
        self,
        log_slice: LogSlice,
        raw: pa.RecordBatch,
        places: np.ndarray,
        counts: collections.Counter[str],
        refused: quarantine.Part,
    ) -> pa.RecordBatch:
        """The rows that fulfil the declaration; the others are counted and kept aside."""
        checked = check(raw, self._declaration, log_slice.day, log_slice.file, places)
        counts[quarantine.READ] += raw.num_rows
        if checked.bad.num_rows:
            counts.update(quarantine.by_reason(checked.bad))
            refused.add(checked.bad)
        return checked.good

    def _today(self, good: pa.RecordBatch) -> Iterator[Any]:
        if good.num_rows:
            rows = streams.Rows(good, self._declaration)
            yield from self._divide(rows.impressions(), rows.users, streams.IMPRESSIONS)
            if self._shared:
                for part in self._divide(rows.wanted(), rows.users, streams.WANTED):
                    yield beam.pvalue.TaggedOutput(RATED, part)

    def _earlier(self, log_slice: LogSlice, raw: pa.RecordBatch, places: np.ndarray) -> Iterator[Any]:
        declaration = self._declaration
        if not log_slice.rated:
            mask = streams.likely_behaviors(raw, declaration)
            raw, places = raw.filter(mask), places[mask.to_numpy(zero_copy_only=False)]
        good = check(raw, declaration, log_slice.day, log_slice.file, places).good
        if not good.num_rows:
            return
        rows = streams.Rows(good, declaration)
        if log_slice.rated:
            for part in self._divide(rows.rated(), rows.users, streams.RATED):
                yield beam.pvalue.TaggedOutput(RATED, part)
        if log_slice.remembered:
            behaviors = latest(rows.behaviors(), declaration, self._settled)
            users = hashing.hash_column(behaviors.column(declaration.user.name))
            yield from self._divide(behaviors, users, streams.BEHAVIORS)

    def _divide(self, batch: pa.RecordBatch, users: np.ndarray, stream: bytes) -> Iterator[KEYED]:
        return streams.divide(batch, users, self._job.settings.partitions, stream)


class JoinAndWrite(beam.DoFn):
    """(partition, batches of all streams) to a file of examples; yields its counts."""

    def __init__(self, job: Job):
        self._job = job

    def setup(self) -> None:
        coder.register()
        self._declaration = self._job.load()
        self._settled = settled_ms(self._declaration, self._job.day)

    def process(
        self, element: tuple[int, Iterable[pa.RecordBatch]], total: pa.RecordBatch | None = None
    ) -> Iterator[collections.Counter[str]]:
        number, batches = element
        job, settings = self._job, self._job.settings
        partition = Partition(self._declaration, self._settled)
        for batch in batches:
            partition.add(batch)
        if partition.empty:
            return
        name = writer.file_name(number, settings.partitions)
        examples = partition.examples(total, settings.slice_rows)
        written = writer.write(job.examples, job.split, name, examples, settings.compression_level)
        yield collections.Counter({quarantine.ACCEPTED: written, quarantine.DUPLICATES: partition.duplicates})


def settled_ms(declaration: Declaration, day: str) -> int | None:
    """Up to when a behavior is old enough for all of the day's impressions; None if that cannot be told."""
    if declaration.history is None or not declaration.partitioned_by_time:
        return None
    return day_start_ms(declaration, day) - max(declaration.history.delay_ms, 1)


def _profile(tally: Tally, job: Job) -> None:
    tally.profile(job.day).write(job.profile)


def _add(counts: Iterable[collections.Counter[str]]) -> collections.Counter[str]:
    return sum(counts, collections.Counter())
