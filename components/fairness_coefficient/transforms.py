"""The Beam side: score and sum each file, merge by key, make the table, write the files again.

files ─► score, sum ─► by shard of (scenario, item) ─► coefficients ─► table
                    └► sums of scenarios ─ to all ───►      └─► by file ─► files with coefficients

An element is a file name or a RecordBatch of sums. Files are the unit of work, since theirs is the order of
records that the output keeps; a worker holds the pairs of one file, or of one shard, and never the day's.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterable, Iterator
from typing import Any

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
from components.shards import shards
from schemas.declaration import Declaration

ROWS = 1 << 18
"""Impressions whose keys and scores are summed up at a time: grouping 4,096 at once costs far more."""
TOTALS, PARTS, FILE = "totals", "parts", b"file"
LOOKED_UP = [*aggregation.KEYS, "fc"]


def _column(chunks: tuple[pa.Array, ...]) -> pa.ChunkedArray:
    return pa.chunked_array(list(chunks))


class SumFile(beam.DoFn):
    """File of examples -> (shard, sums of its (scenario, item) pairs); beside it its sums of scenarios."""

    def __init__(self, model_uri: str | None, declaration: Declaration, shards: int):
        self._model_uri = model_uri
        self._declaration = declaration
        self._shards = shards
        self._shared = shared.Shared()

    def setup(self):
        self._scorer = self._shared.acquire(lambda: self._model_uri and Scorer(self._model_uri), tag=self._model_uri)
        self._keys = records.KeyDecoder(self._declaration)

    def process(self, path: str) -> Iterator[Any]:
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
            sums = aggregation.merge(parts)
            yield beam.pvalue.TaggedOutput(TOTALS, (path, aggregation.as_batch(aggregation.totals(sums))))
            for shard, batch in aggregation.partition(sums, self._shards):
                yield shard, batch.replace_schema_metadata({FILE: path})

    def _scores(self, serialized: np.ndarray) -> np.ndarray:
        """float64 `[n]`; 1 for everything where there is no model."""
        if self._scorer is None:
            return np.ones(len(serialized))
        scores = self._scorer(serialized).astype(np.float64)
        if not ((scores >= 0) & (scores <= 1)).all():
            raise DataRefused(f"{self._model_uri} gives scores outside [0, 1]: delete that version and run again")
        return scores


def add_totals(parts: list[tuple[str, pa.RecordBatch]], day: str) -> pa.RecordBatch:
    """Sums of each scenario over all files, in the order of the files: the same bits on one worker and on many.

    Raises:
      DataRefused: there was not one impression.
    """
    if not parts:
        raise DataRefused(f"day {day} has no examples: check its logs and its quarantine")
    batches = [batch for _, batch in sorted(parts, key=lambda part: part[0])]
    return aggregation.as_batch(aggregation.totals(pa.Table.from_batches(batches)))


class Coefficients(beam.DoFn):
    """A shard's sums by file -> (file, coefficients of its pairs); beside it (shard, part of the table)."""

    def __init__(self, aside: str, day: str, settings: FairnessSettings):
        self._aside, self._day, self._settings = aside, day, settings

    def process(self, element: tuple[int, Iterable[pa.RecordBatch]], scenarios: pa.RecordBatch) -> Iterator[Any]:
        shard, batches = element[0], list(element[1])
        sums = aggregation.merge([pa.Table.from_batches([b.replace_schema_metadata()]) for b in batches])
        table = aggregation.fairness_table(sums, pa.Table.from_batches([scenarios]), self._day, self._settings)
        part = f"{self._aside}/table/{uuid.uuid4().hex}"
        filesystem, where = fs.FileSystem.from_uri(part)
        filesystem.create_dir(where.rpartition("/")[0], recursive=True)
        pq.write_table(table, where, filesystem=filesystem)
        yield beam.pvalue.TaggedOutput(PARTS, (shard, part))
        lookup = FairnessLookup(table)
        for batch in batches:
            fc = pa.array(lookup(*(batch.column(key) for key in aggregation.KEYS)))
            answer = pa.RecordBatch.from_arrays([*(batch.column(key) for key in aggregation.KEYS), fc], LOOKED_UP)
            yield batch.schema.metadata[FILE].decode(), answer


def write_table(parts: list[tuple[int, str]], path: str) -> None:
    """Writes the day's table, a row group a shard: held in memory is one of them."""
    filesystem, where = fs.FileSystem.from_uri(path)
    schema = None
    with contextlib.ExitStack() as stack:
        for _, part in sorted(parts):
            table = pq.read_table(fs.FileSystem.from_uri(part)[1], filesystem=filesystem)
            if schema is None:
                schema = table.schema
                writer = stack.enter_context(pq.ParquetWriter(where, schema, filesystem=filesystem))
            writer.write_table(table)


class AppendFairness(beam.DoFn):
    """(file of examples, coefficients of its pairs) -> the same file with `fairness_coefficient`, in another folder."""

    def __init__(self, folder: str, aside: str, declaration: Declaration):
        self._folder = folder
        self._aside = aside
        self._declaration = declaration

    def setup(self):
        self._keys = records.KeyDecoder(self._declaration)

    def process(self, element: tuple[str, Iterable[pa.RecordBatch | None]]) -> Iterator[str]:
        path, answers = element
        found = [answer for answer in answers if answer is not None]
        lookup = FairnessLookup(pa.Table.from_batches(found)) if found else None
        output = f"{self._folder}/{path.rpartition('/')[2]}"
        records.write_records(output, self._aside, self._batches(path, lookup))
        yield output

    def _batches(self, path: str, lookup: FairnessLookup | None) -> Iterator[Iterator[bytes]]:
        for batch in read_serialized(path, records.BATCH):
            yield records.append_fairness(batch, lookup(*self._keys(batch)))


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
    count = shards(len(files))
    summed = paths | "Score" >> beam.ParDo(SumFile(model_uri, declaration, count)).with_outputs(TOTALS, main="sums")
    totals = summed[TOTALS] | "Totals" >> beam.combiners.ToList() | "AddTotals" >> beam.Map(add_totals, day)
    found = (
        summed.sums
        | "ByKey" >> beam.GroupByKey()
        | "Coefficients"
        >> beam.ParDo(Coefficients(aside, day, settings), beam.pvalue.AsSingleton(totals)).with_outputs(
            PARTS, main="answers"
        )
    )
    _ = found[PARTS] | "Parts" >> beam.combiners.ToList() | "Table" >> beam.Map(write_table, table)
    # A file without a record asks for nothing, and is written all the same.
    every = paths | "Every" >> beam.Map(lambda path: (path, None))
    return (
        (every, found.answers)
        | "Answers" >> beam.Flatten()
        | "ByFile" >> beam.GroupByKey()
        | "Append" >> beam.ParDo(AppendFairness(folder, aside, declaration))
    )
