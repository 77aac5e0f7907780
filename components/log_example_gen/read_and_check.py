"""The first step of ingestion: slices of logs become checked rows, divided among partitions of users."""

from __future__ import annotations

import collections
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa

from scenerank.components import hashing
from scenerank.components.day_profile.tally import Tally
from scenerank.components.log_example_gen import coder
from scenerank.components.log_example_gen.checking import late, quarantine
from scenerank.components.log_example_gen.checking.checks import DAY_MS, Checked, check, day_start_ms
from scenerank.components.log_example_gen.job import Job
from scenerank.components.log_example_gen.joining import rates, streams
from scenerank.components.log_example_gen.joining.history import latest, settled_ms
from scenerank.components.log_example_gen.joining.rate_steps import KEYED
from scenerank.components.log_example_gen.reading.files import LogSlice
from scenerank.components.log_example_gen.reading.reader import read
from scenerank.components.workspace import Workspace, shift
from scenerank.errors import DataError

COUNTS, REFUSED, LATE, DAMAGED, RATED, TALLIES = "counts", "refused", "late", "damaged", "rated", "tallies"


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
        shared = len(key_sets) > len(rates.of_user(self._declaration))
        self._wanted = shared or (bool(key_sets) and self._declaration.request is not None)
        by_time = self._declaration.partitioned_by_time
        self._start = day_start_ms(self._declaration, self._job.day) if by_time else None

    def process(self, log_slice: LogSlice) -> Iterator[Any]:
        counts: collections.Counter[str] = collections.Counter()
        refused, kept = quarantine.Part(self._job), late.Parts(self._job, self._declaration)
        tally = Tally()
        try:
            for first, raw in read(log_slice, self._workspace, self._declaration, self._job.settings.batch_rows):
                places = np.arange(first, first + raw.num_rows)
                if log_slice.day == self._job.day:
                    checked = self._checked(log_slice, raw, places)
                    counts.update(_counts(checked))
                    refused.add(checked.bad)
                    kept.add(checked.late)
                    tally = Tally.merged([tally, Tally.of(checked.good, self._declaration)])
                    yield from self._today(checked.good)
                    yield from self._earlier(checked.late, log_slice)
                else:
                    if not log_slice.rated:
                        mask = streams.likely_behaviors(raw, self._declaration)
                        raw, places = raw.filter(mask), places[mask.to_numpy(zero_copy_only=False)]
                    checked = self._checked(log_slice, raw, places)
                    yield from self._earlier(checked.good, log_slice)
                    yield from self._earlier(checked.late, log_slice)
        except DataError as error:
            yield beam.pvalue.TaggedOutput(DAMAGED, str(error))
        finally:
            refused.close()
            kept.close()
        if refused.uri:
            yield beam.pvalue.TaggedOutput(REFUSED, (log_slice.file, log_slice.first_row, refused.uri))
        for own_day, uri in kept.uris.items():
            yield beam.pvalue.TaggedOutput(LATE, (own_day, log_slice.file, log_slice.first_row, uri))
        yield beam.pvalue.TaggedOutput(COUNTS, counts)
        if log_slice.day == self._job.day:
            yield beam.pvalue.TaggedOutput(TALLIES, tally)

    def _checked(self, log_slice: LogSlice, raw: pa.RecordBatch, places: np.ndarray) -> Checked:
        late_days = self._job.settings.late_days
        return check(raw, self._declaration, log_slice.day, log_slice.file, places, late_days)

    def _today(self, good: pa.RecordBatch) -> Iterator[Any]:
        if good.num_rows:
            rows = streams.Rows(good, self._declaration)
            yield from self._divide(rows.impressions(), rows.users, streams.IMPRESSIONS)
            if self._wanted:
                for part in self._divide(rows.wanted(), rows.users, streams.WANTED):
                    yield beam.pvalue.TaggedOutput(RATED, part)

    def _earlier(self, rows: pa.RecordBatch, log_slice: LogSlice) -> Iterator[Any]:
        """Of rows of earlier days, what rates count and histories hold."""
        if not rows.num_rows:
            return
        declaration, prepared = self._declaration, streams.Rows(rows, self._declaration)
        if declaration.rates and (counted := self._within(prepared, declaration.rates.days, log_slice.rated)):
            continued = log_slice.day >= shift(self._job.day, -1)
            for part in self._divide(counted.rated(self._start, continued), counted.users, streams.RATED):
                yield beam.pvalue.TaggedOutput(RATED, part)
        if declaration.history and (held := self._within(prepared, declaration.history.days, log_slice.remembered)):
            behaviors = latest(held.behaviors(), declaration, self._settled)
            users = hashing.hash_column(behaviors.column(declaration.user.name))
            yield from self._divide(behaviors, users, streams.BEHAVIORS)

    def _within(self, rows: streams.Rows, days: int, of_slice: bool) -> streams.Rows | None:
        """The rows of the `days` before the day; a late one's own day is not that of its slice."""
        if self._start is None:
            return rows if of_slice else None
        times = hashing.numpy_of(rows.batch.column(self._declaration.time.name))
        within = times >= self._start - days * DAY_MS
        if within.all():
            return rows
        return streams.Rows(rows.batch.filter(pa.array(within)), self._declaration) if within.any() else None

    def _divide(self, batch: pa.RecordBatch, users: np.ndarray, stream: bytes) -> Iterator[KEYED]:
        return streams.divide(batch, users, self._job.settings.partitions, stream)


def _counts(checked: Checked) -> collections.Counter[str]:
    """Rows read, and those refused by reason."""
    read = sum(part.num_rows for part in (checked.good, checked.bad, checked.late))
    return quarantine.by_reason(checked.bad) + collections.Counter({quarantine.READ: read})
