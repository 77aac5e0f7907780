"""A day's files: read once to be summed, and once more to get their coefficients."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.utils import shared

from scenerank.components.fairness_coefficient import aggregation, records
from scenerank.components.fairness_coefficient.lookup import FairnessLookup
from scenerank.components.scoring import Scorer, read_serialized
from scenerank.errors import DataError
from scenerank.schemas.declaration import Declaration

ROWS = 1 << 18
"""Impressions whose keys and scores are summed up at a time: grouping 4,096 at once costs far more."""
TOTALS, FILE = "totals", b"file"


def _column(chunks: tuple[pa.Array, ...]) -> pa.ChunkedArray:
    return pa.chunked_array(list(chunks))


class SumFile(beam.DoFn):
    """File of examples -> (shard, sums of its (scenario, item) pairs); beside it its sums of scenarios.

    Args:
      model_uri: SavedModel whose scores are summed; None: none are.
    """

    def __init__(self, model_uri: str | None, declaration: Declaration, shards: int):
        self._model_uri = model_uri
        self._declaration = declaration
        self._shards = shards
        self._shared = shared.Shared()

    def setup(self) -> None:
        self._scorer = self._shared.acquire(lambda: self._model_uri and Scorer(self._model_uri), tag=self._model_uri)
        self._columns = records.ColumnDecoder(self._declaration)

    def process(self, path: str) -> Iterator[Any]:
        parts, columns, rows = [], [], 0
        for batch in read_serialized(path, records.BATCH):
            columns.append(self._decoded(batch))
            rows += len(batch)
            if rows >= ROWS:
                parts.append(self._summed(columns))
                columns, rows = [], 0
        if columns:
            parts.append(self._summed(columns))
        if parts:
            sums = aggregation.merge(parts)
            yield beam.pvalue.TaggedOutput(TOTALS, (path, aggregation.as_batch(aggregation.totals(sums))))
            for shard, batch in aggregation.partition(sums, self._shards):
                yield shard, batch.replace_schema_metadata({FILE: path})

    def _decoded(self, serialized: np.ndarray) -> tuple[pa.Array, ...]:
        """scenario, item, then the scores and the flag where there are such."""
        found = self._columns(serialized)
        scores = [] if self._scorer is None else [pa.array(self._scores(serialized))]
        flag = [] if found.intervened is None else [found.intervened]
        return (found.scenario, found.item, *scores, *flag)

    def _summed(self, columns: list[tuple[pa.Array, ...]]) -> pa.Table:
        scenario, item, *others = map(_column, zip(*columns))
        score = None if self._scorer is None else others.pop(0)
        return aggregation.partial_sums(scenario, item, score, others[0] if others else None)

    def _scores(self, serialized: np.ndarray) -> np.ndarray:
        """float64 `[n]`."""
        scores = self._scorer(serialized).astype(np.float64)
        if not ((scores >= 0) & (scores <= 1)).all():
            raise DataError(f"{self._model_uri} gives scores outside [0, 1]: delete that version and run again")
        return scores


class AppendFairness(beam.DoFn):
    """(file of examples, coefficients of its pairs) -> the same file with `fairness_coefficient`, in another folder."""

    def __init__(self, folder: str, aside: str, declaration: Declaration):
        self._folder = folder
        self._aside = aside
        self._declaration = declaration

    def setup(self) -> None:
        self._columns = records.ColumnDecoder(self._declaration)

    def process(self, element: tuple[str, Iterable[pa.RecordBatch | None]]) -> Iterator[str]:
        path, answers = element
        found = [answer for answer in answers if answer is not None]
        lookup = FairnessLookup(pa.Table.from_batches(found)) if found else None
        output = f"{self._folder}/{path.rpartition('/')[2]}"
        records.write_records(output, self._aside, self._batches(path, lookup))
        yield output

    def _batches(self, path: str, lookup: FairnessLookup | None) -> Iterator[Iterator[bytes]]:
        for batch in read_serialized(path, records.BATCH):
            assert lookup is not None  # every row is of a pair
            found = self._columns(batch)
            yield records.append_fairness(batch, lookup(found.scenario, found.item))
