"""The Beam side of rates: what partitions of users count and ask for, and shards of keys answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa

from scenerank.components.hashing import numpy_of
from scenerank.components.log_example_gen import coder
from scenerank.components.log_example_gen.job import Job
from scenerank.components.log_example_gen.joining import rates, streams
from scenerank.components.log_example_gen.joining.assemble import KEY_SET, one
from scenerank.components.log_example_gen.joining.identity import REQUEST
from scenerank.components.shards import shards

SHARED, TOTALS = "shared", "totals"
KEYED = tuple[int, pa.RecordBatch]
_PARTITION = b"partition"


@beam.typehints.with_output_types(KEYED)
class CountRates(beam.DoFn):
    """A partition's rated rows and wanted keys to (partition, counts with the user in their key).

    Beside it `SHARED`: (shard, counts of other keys, or keys whose counts the partition wants), and `TOTALS`,
    one row of all counts. Held in memory: the hashes and events of the partition's rows of all rated days.
    """

    def __init__(self, job: Job):
        self._job = job

    def setup(self) -> None:
        coder.register()
        self._declaration = self._job.load()
        self._of_user = rates.of_user(self._declaration)
        self._shards = shards(self._job.settings.partitions)

    def process(self, element: tuple[int, Iterable[pa.RecordBatch]]) -> Iterator[Any]:
        partition, batches = element
        of_stream: dict[bytes, list[pa.RecordBatch]] = {streams.RATED: [], streams.WANTED: []}
        for batch in batches:
            of_stream[batch.schema.metadata[streams.STREAM]].append(batch)
        rated, asking = (pa.Table.from_batches([one(found)]) if found else None for found in of_stream.values())
        if rated and asking and REQUEST in rated.column_names:  # what goes on in the day is not of the days before
            goes_on = np.isin(rated.column(REQUEST).to_numpy(), asking.column(REQUEST).to_numpy())
            rated = rated.filter(pa.array(~goes_on))
        for index, counts in (rates.count(rated, self._declaration) if rated else {}).items():
            if index == rates.TOTAL:
                yield beam.pvalue.TaggedOutput(TOTALS, counts)
            elif index in self._of_user:
                yield partition, _marked(counts, streams.RATES, index)
            else:
                yield from self._shared(_marked(counts, streams.RATES, index))
        for index, keys in (rates.wanted(asking, self._declaration) if asking else {}).items():
            yield from self._shared(_marked(keys, streams.WANTED, index, partition))

    def _shared(self, batch: pa.RecordBatch) -> Iterator[Any]:
        for part in rates.divide(batch, self._shards):
            yield beam.pvalue.TaggedOutput(SHARED, part)


@beam.typehints.with_output_types(KEYED)
class AnswerRates(beam.DoFn):
    """(shard, what partitions counted and want of its keys) to (partition, counts of the keys it wants)."""

    def setup(self) -> None:
        coder.register()

    def process(self, element: tuple[int, Iterable[pa.RecordBatch]]) -> Iterator[KEYED]:
        counted: dict[int, list[pa.RecordBatch]] = {}
        asked: dict[int, list[pa.RecordBatch]] = {}
        for batch in element[1]:
            kind = counted if batch.schema.metadata[streams.STREAM] == streams.RATES else asked
            kind.setdefault(int(batch.schema.metadata[KEY_SET]), []).append(batch)
        for index in sorted(counted.keys() & asked.keys()):
            counts = rates.merge(counted.pop(index))
            for keys in asked.pop(index):
                found = rates.known(counts, numpy_of(keys.column(rates.KEY)))
                if found.num_rows:
                    yield int(keys.schema.metadata[_PARTITION]), _marked(found, streams.RATES, index)


def total(totals: list[pa.RecordBatch]) -> pa.RecordBatch | None:
    """The one row of all partitions' counts together."""
    return rates.merge(totals) if totals else None


def _marked(batch: pa.RecordBatch, stream: bytes, key_set: int, partition: int = 0) -> pa.RecordBatch:
    metadata = {streams.STREAM: stream, KEY_SET: str(key_set), _PARTITION: str(partition)}
    return batch.replace_schema_metadata(metadata)
