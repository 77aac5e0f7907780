"""The Beam side of coefficients by exposure: earlier days' tables beside today's sums, shard by shard.

earlier tables ─► by shard ──► moments of shards ─► priors ─ to all ─┐
              └► totals of days and scenarios ─ to all ──────────────┴► raw coefficients of a shard
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from scenerank.components import storage
from scenerank.components.fairness_coefficient import aggregation
from scenerank.components.fairness_coefficient.exposure import (
    Exposure,
    Moments,
    Priors,
    Totals,
    exposure,
    priors,
)

DAY = b"day"
TOTALS = "totals"
COUNTED = [*aggregation.KEYS, "impressions"]


class ReadEarlier(beam.DoFn):
    """(day, table of its coefficients) -> (shard, impressions of its pairs); beside it (day, those of scenarios).

    In memory is a row group at a time, which is a shard as that day had them.
    """

    def __init__(self, shards: int):
        self._shards = shards

    def process(self, element: tuple[str, str]) -> Iterator[Any]:
        day, path = element
        totals = []
        with storage.open_input(path) as source:
            file = pq.ParquetFile(source)
            for group in range(file.num_row_groups):
                table = file.read_row_group(group, columns=COUNTED).select(COUNTED)
                if not table.num_rows:
                    continue
                totals.append(_by_scenario(table))
                for shard, batch in aggregation.partition(table, self._shards):
                    yield shard, batch.replace_schema_metadata({DAY: day})
        if totals:
            yield beam.pvalue.TaggedOutput(TOTALS, (day, aggregation.as_batch(_by_scenario(pa.concat_tables(totals)))))


def _by_scenario(table: pa.Table) -> pa.Table:
    return aggregation.summed(table, ["scenario"], ["impressions"])


def lay_out(today: pa.RecordBatch, earlier: Iterable[tuple[str, pa.RecordBatch]]) -> tuple[list[str], Totals]:
    """Days before today, oldest first, and what all days showed of each scenario."""
    found = sorted(earlier, key=lambda of_day: of_day[0])
    batches = [batch for _, batch in found] + [today]
    scenarios = pc.unique(pa.chunked_array([batch.column("scenario") for batch in batches]))
    scenarios = scenarios.take(pc.sort_indices(scenarios))
    impressions = np.zeros((len(batches), len(scenarios)))
    for row, batch in zip(impressions, batches):
        at = pc.index_in(batch.column("scenario"), value_set=scenarios).to_numpy()
        row[at] = batch.column("impressions").to_numpy()
    return [day for day, _ in found], Totals(scenarios, impressions)


def of_shard(
    batches: Sequence[pa.RecordBatch], sums: pa.Table | None, known: tuple[list[str], Totals]
) -> tuple[Exposure, list[np.ndarray]]:
    """A shard's pairs on all days, see `exposure`.

    Args:
      batches: of the shard; those of earlier days are looked at.
      sums: of today; None for none.
    """
    days, totals = known
    empty = (pa.Table.from_batches(batches[:1]).select(COUNTED) if sums is None else sums.select(COUNTED)).slice(0, 0)
    empty = empty.replace_schema_metadata()
    of_day: dict[str, list[pa.Table]] = {day: [empty] for day in days}
    for batch in batches:
        metadata = batch.schema.metadata or {}
        if DAY in metadata:
            of_day[metadata[DAY].decode()].append(pa.Table.from_batches([batch.replace_schema_metadata()]))
    today = empty if sums is None else sums.select(COUNTED)
    return exposure([*(pa.concat_tables(of_day[day]) for day in days), today], totals)


def add_moments(parts: Iterable[tuple[int, Moments]], prior: float | None) -> Priors:
    """Priors of all shards, added in their order: the same bits on one worker and on many."""
    found = [moments for _, moments in sorted(parts, key=lambda part: part[0])]
    return priors(Moments(*(float(sum(values)) for values in zip(*found))) if found else Moments(0, 0, 0, 0), prior)
