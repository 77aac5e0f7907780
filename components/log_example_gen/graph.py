"""The Beam graph of ingestion.

slices of the day ─────┐
slices of days before ─┴► read, check ─► impressions ─────────────────► by user ► join, write a file each
                                     ├► behaviors ───────────────────►  ▲  ▲
                                     ├► rated, wanted ► by user ► count ┘  └─ answers
                                     │                             └► by key ──┘
                                     ├► tallies of rows ► profile
                                     └► refused and late rows, counts, damaged files ► quarantine, summary
"""

from __future__ import annotations

import collections
from collections.abc import Iterable, Iterator

import apache_beam as beam
import pyarrow as pa

from scenerank.components.day_profile.tally import Tally
from scenerank.components.log_example_gen import coder
from scenerank.components.log_example_gen.checking import quarantine
from scenerank.components.log_example_gen.job import Job
from scenerank.components.log_example_gen.joining.assemble import Partition
from scenerank.components.log_example_gen.joining.history import settled_ms
from scenerank.components.log_example_gen.joining.rate_steps import (
    KEYED,
    SHARED,
    TOTALS,
    AnswerRates,
    CountRates,
    total,
)
from scenerank.components.log_example_gen.read_and_check import (
    COUNTS,
    DAMAGED,
    LATE,
    RATED,
    REFUSED,
    TALLIES,
    ReadAndCheck,
)
from scenerank.components.log_example_gen.reading.files import LogSlice
from scenerank.components.log_example_gen.writing import writer


def build(pipeline: beam.Pipeline, job: Job, slices: list[LogSlice]) -> None:
    """Adds ingestion to a pipeline; results are files only."""
    coder.register()
    declaration = job.load()
    read_rows = (
        pipeline
        | "LogSlices" >> beam.Create(slices)
        | "Spread" >> beam.Reshuffle()
        | "ReadAndCheck"
        >> beam.ParDo(ReadAndCheck(job)).with_outputs(RATED, COUNTS, REFUSED, LATE, DAMAGED, TALLIES, main="rows")
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
            beam.pvalue.AsIter(read_rows[LATE]),
        )
    )


def _typed() -> beam.PTransform:
    """Tagged outputs have no type; without one Beam pickles, and a pickled slice holds its whole batch."""
    return beam.Map(lambda element: element).with_output_types(KEYED)


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
        left_out = {quarantine.DUPLICATES: partition.duplicates, quarantine.REDELIVERED: partition.redelivered}
        yield collections.Counter({quarantine.ACCEPTED: written, **left_out})


def _profile(tally: Tally, job: Job) -> None:
    tally.profile(job.day).write(job.profile)


def _add(counts: Iterable[collections.Counter[str]]) -> collections.Counter[str]:
    return sum(counts, collections.Counter())
