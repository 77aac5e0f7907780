"""The Beam side: score and sum each file, merge by key, make the table, write the files again.

An element is a file name or a RecordBatch of sums. Files are the unit of work, since theirs is the order of
records that the output keeps; a worker holds the keys of one file and the table of the day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.utils import shared
from pyarrow import fs

from components.errors import DataRefused
from components.fairness_coefficient import aggregation, records
from components.fairness_coefficient.lookup import FairnessLookup
from components.fairness_coefficient.settings import FairnessSettings
from components.scoring import Scorer, read_serialized
from schemas.declaration import Declaration

PARTITIONS = 64
ROWS = 1 << 18
"""Impressions whose keys and scores are summed up at a time: grouping 4,096 at once costs far more."""
WHOLE = 1 << 15
"""Whole records held at a time while they are written."""


def _column(chunks: tuple[pa.Array, ...]) -> pa.ChunkedArray:
    return pa.chunked_array(list(chunks))


class SumFile(beam.DoFn):
    """File of examples -> (partition, sums of its (scenario, item) pairs)."""

    def __init__(self, model_uri: str | None, declaration: Declaration):
        self._model_uri = model_uri
        self._declaration = declaration
        self._shared = shared.Shared()

    def setup(self):
        self._scorer = self._shared.acquire(lambda: self._model_uri and Scorer(self._model_uri), tag=self._model_uri)
        self._keys = records.KeyDecoder(self._declaration)

    def process(self, path: str) -> Iterator[tuple[int, pa.RecordBatch]]:
        parts, columns, rows = [], [], 0
        for batch in read_serialized(path, records.BATCH):
            columns.append((*self._keys(batch), pa.array(self._scores(batch))))
            rows += len(batch)
            if rows >= ROWS:
                parts.append(aggregation.partial_sums(*map(_column, zip(*columns))))
                columns, rows = [], 0
        if columns:
            parts.append(aggregation.partial_sums(*map(_column, zip(*columns))))
        if parts:
            yield from aggregation.partition(aggregation.merge(parts), PARTITIONS)

    def _scores(self, serialized: np.ndarray) -> np.ndarray:
        """float64 `[n]`; 1 for everything where there is no model."""
        if self._scorer is None:
            return np.ones(len(serialized))
        scores = self._scorer(serialized).astype(np.float64)
        if not ((scores >= 0) & (scores <= 1)).all():
            raise DataRefused(f"{self._model_uri} gives scores outside [0, 1]: delete that version and run again")
        return scores


def merge_partition(element: tuple[int, Iterable[pa.RecordBatch]]) -> pa.RecordBatch:
    """All sums under one partition number -> each of its keys once."""
    return aggregation.as_batch(aggregation.merge([pa.Table.from_batches([batch]) for batch in element[1]]))


def write_table(batches: list[pa.RecordBatch], path: str, day: str, settings: FairnessSettings) -> str:
    """Writes the day's table and returns its path.

    Raises:
      DataRefused: there was not one impression.
    """
    if not batches:
        raise DataRefused(f"day {day} has no examples: check its logs and its quarantine")
    table = aggregation.fairness_table(aggregation.merge([pa.Table.from_batches([b]) for b in batches]), day, settings)
    filesystem, where = fs.FileSystem.from_uri(path)
    pq.write_table(table, where, filesystem=filesystem)
    return path


class AppendFairness(beam.DoFn):
    """File of examples -> the same file with `fairness_coefficient`, in another folder."""

    def __init__(self, folder: str, aside: str, declaration: Declaration):
        self._folder = folder
        self._aside = aside
        self._declaration = declaration
        self._shared = shared.Shared()

    def setup(self):
        self._keys = records.KeyDecoder(self._declaration)

    def process(self, path: str, table: str) -> Iterator[str]:
        lookup = self._shared.acquire(lambda: _read_table(table), tag=table)
        output = f"{self._folder}/{path.rpartition('/')[2]}"
        records.write_records(output, self._aside, self._batches(path, lookup))
        yield output

    def _batches(self, path: str, lookup: FairnessLookup) -> Iterator[Iterator[bytes]]:
        for batch in read_serialized(path, WHOLE):
            yield records.append_fairness(batch, lookup(*self._keys(batch)))


def _read_table(path: str) -> FairnessLookup:
    filesystem, where = fs.FileSystem.from_uri(path)
    return FairnessLookup(pq.read_table(where, columns=["scenario", "item", "fc"], filesystem=filesystem))


def fairness_graph(
    pipeline: beam.Pipeline,
    files: list[str],
    model_uri: str | None,
    table: str,
    folder: str,
    aside: str,
    day: str,
    declaration: Declaration,
    settings: FairnessSettings,
) -> beam.PCollection:
    """Adds the whole computation to `pipeline`; gives the paths of the files written.

    Args:
      files: TFRecord files of tf.Examples.
      table: path of the Parquet file to write.
      folder: where the files go, under the names that they have.
      aside: folder for unfinished files, on the same file system.
    """
    paths = pipeline | "Files" >> beam.Create(files, reshuffle=True)
    written = (
        paths
        | "Score" >> beam.ParDo(SumFile(model_uri, declaration))
        | "ByKey" >> beam.GroupByKey()
        | "Merge" >> beam.Map(merge_partition)
        | "Gather" >> beam.combiners.ToList()
        | "Table" >> beam.Map(write_table, table, day, settings)
    )
    return paths | "Append" >> beam.ParDo(AppendFairness(folder, aside, declaration), beam.pvalue.AsSingleton(written))
