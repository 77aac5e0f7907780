"""Sums of impressions by (scenario, item), on Arrow tables; knows neither Beam nor TensorFlow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scenerank.components.hashing import hash_column

KEYS = ["scenario", "item"]
SUMS = ["impressions", "organic", "score_sum"]


def partial_sums(
    scenario: pa.Array, item: pa.Array, score: pa.Array | None = None, intervened: pa.Array | None = None
) -> pa.Table:
    """Impressions, organic ones (int64) and score sum (float64) of each (scenario, item) among the rows given.

    Args:
      scenario, item: keys `[n]`, int64 or string; all columns in chunks of the same sizes.
      score: float64 `[n]`, not negative; 0 where there is none.
      intervened: int64 `[n]`, 1 where somebody intervened; nobody where there is none.
    """
    known = {"scenario": scenario, "item": item, "score": score, "intervened": intervened}
    rows = pa.table({name: column for name, column in known.items() if column is not None})
    summed = [(name, "sum") for name in ("score", "intervened") if name in rows.column_names]
    sums = rows.group_by(KEYS).aggregate([("item", "count"), *summed])
    impressions, none = sums["item_count"], np.zeros(sums.num_rows)
    organic = impressions if intervened is None else pc.subtract(impressions, sums["intervened_sum"])
    scores = pa.array(none) if score is None else sums["score_sum"]
    return pa.table([sums["scenario"], sums["item"], impressions, organic, scores], [*KEYS, *SUMS])


def merge(parts: Sequence[pa.Table]) -> pa.Table:
    """Adds up partial sums, ordered by key.

    Parts are put in order before they are added, so the result does not depend on how they arrive: the
    same day gives the same bits on one worker and on many.
    """
    table = pa.concat_tables(parts)
    table = table.sort_by([(name, "ascending") for name in (*KEYS, *SUMS)])
    return summed(table, KEYS, SUMS).sort_by([(name, "ascending") for name in KEYS])


def totals(sums: pa.Table) -> pa.Table:
    """The sums of each scenario, of parts in the order given."""
    return summed(sums, ["scenario"], SUMS)


def summed(table: pa.Table, keys: Sequence[str], names: Sequence[str]) -> pa.Table:
    """Sums of columns by keys, under the names that they have."""
    found = table.group_by(list(keys)).aggregate([(name, "sum") for name in names])
    return found.select([*keys, *(f"{name}_sum" for name in names)]).rename_columns([*keys, *names])


def partition(sums: pa.Table, count: int) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Cuts pairs by a hash of the item, so that all pairs of an item meet under one number in `[0, count)`."""
    hashed = hash_column(sums["item"].combine_chunks()) % np.uint64(count)
    order = np.argsort(hashed, kind="stable")
    bounds = np.searchsorted(hashed[order], np.arange(count + 1, dtype=np.uint64))
    for number, (start, stop) in enumerate(zip(bounds, bounds[1:])):
        if start < stop:
            # `take` copies: a slice would be pickled with all that it was cut from
            yield number, as_batch(sums.take(pa.array(order[start:stop])))


def as_batch(table: pa.Table) -> pa.RecordBatch:
    """The table as one batch, the form in which it travels."""
    arrays = [column.combine_chunks() if column.num_chunks != 1 else column.chunk(0) for column in table.columns]
    return pa.RecordBatch.from_arrays(arrays, schema=table.schema)


def of_scenario(scenario: pa.ChunkedArray, totals: pa.Table, name: str) -> np.ndarray:
    """The total of each row's scenario, float64.

    Args:
      scenario: keys, each of them in `totals`, which has every scenario once.
    """
    at = pc.index_in(scenario.combine_chunks(), value_set=totals["scenario"].combine_chunks()).to_numpy()
    return totals[name].to_numpy().astype(np.float64)[at]
