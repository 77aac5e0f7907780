"""Day-lagged event rates: how often each key was shown, and what came of it, in the days before.

Counts are kept as RecordBatches (`_key` uint64, sorted and unique; `_impressions` and one column an
event, float64). Keys are 64-bit hashes.

Counts of a key without the user (say, scenario and item) come from all partitions of users, and all may ask
for them. There may be hundreds of millions of such keys, so no worker holds them all: a shard of the keys sums
up what the partitions counted and answers each partition for the keys that it asks for. A partition counts,
and asks, once a key, so that an item that everyone is shown is no more than any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import pyarrow as pa

from scenerank.components.hashing import combine, numpy_of
from scenerank.components.log_example_gen.joining.identity import ROW_HASH, of_best
from scenerank.components.log_example_gen.joining.streams import hash_name
from scenerank.schemas.declaration import Declaration

KEY, IMPRESSIONS = "_key", "_impressions"
TOTAL = -1
"""Stands for the key set of all impressions together."""


def of_user(declaration: Declaration) -> tuple[int, ...]:
    """Positions of the key sets with the user: counted where the user's rows are, and asked for there alone."""
    key_sets = declaration.rates.keys if declaration.rates else ()
    return tuple(i for i, keys in enumerate(key_sets) if declaration.user.name in keys)


def count(rows: pa.Table, declaration: Declaration) -> dict[int, pa.RecordBatch]:
    """Counts of one partition by key set, and under `TOTAL` of all its rows; duplicates and deliveries count once.

    Args:
      rows: batches of the `rated` stream.
    """
    assert declaration.rates is not None
    # In the order of the hashes, which is that of no bundle.
    _, kept = np.unique(rows.column(ROW_HASH).to_numpy(), return_index=True)
    kept = kept[of_best(rows)[kept]]
    values = {IMPRESSIONS: np.ones(len(kept))}
    for event in declaration.rates.events:
        values[event] = rows.column(event).to_numpy()[kept].astype(np.float64)
    out = {TOTAL: _sum(np.zeros(len(kept), np.uint64), values)}
    for index, keys in enumerate(declaration.rates.keys):
        hashes = [rows.column(hash_name(name)).to_numpy()[kept] for name in keys]
        out[index] = _sum(combine(hashes), values)
    return out


def wanted(rows: pa.Table, declaration: Declaration) -> dict[int, pa.RecordBatch]:
    """The distinct keys of a partition's impressions by key set without the user, as `_key`.

    Args:
      rows: batches of the `wanted` stream.
    """
    assert declaration.rates is not None
    out = {}
    for index, keys in enumerate(declaration.rates.keys):
        if index not in of_user(declaration):
            hashes = combine([rows.column(hash_name(name)).to_numpy() for name in keys])
            out[index] = pa.RecordBatch.from_arrays([pa.array(np.unique(hashes))], [KEY])
    return out


def divide(batch: pa.RecordBatch, shards: int) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yields (shard of the keys, its rows), their order kept."""
    of = (numpy_of(batch.column(KEY)) % np.uint64(shards)).astype(np.int32)
    order = np.argsort(of, kind="stable")
    taken, bounds = batch.take(pa.array(order)), np.searchsorted(of[order], np.arange(shards + 1))
    for shard in np.flatnonzero(np.diff(bounds)):
        yield int(shard), taken.slice(bounds[shard], bounds[shard + 1] - bounds[shard])


def known(counts: pa.RecordBatch, keys: np.ndarray) -> pa.RecordBatch:
    """The rows of `counts` whose keys are among `keys`, uint64 `[N]`, sorted and unique."""
    mine = numpy_of(counts.column(KEY))
    at = np.minimum(np.searchsorted(mine, keys), len(mine) - 1)
    return counts.take(pa.array(at[mine[at] == keys]))


def merge(counts: Iterable[pa.RecordBatch]) -> pa.RecordBatch:
    """The sum of several counts of one key set, the same whatever their order."""
    table = pa.Table.from_batches([batch.replace_schema_metadata() for batch in counts])
    columns = {name: table.column(name).to_numpy() for name in table.column_names}
    # The order of addends decides the last bit of a sum of fractions, and batches come in any order.
    order = np.lexsort(tuple(columns.values()))
    keys, *values = (column[order] for column in columns.values())
    return _sum(keys, dict(zip(list(columns)[1:], values)))


def joined(answers: Iterable[pa.RecordBatch]) -> pa.RecordBatch:
    """Counts of disjoint keys as one batch."""
    table = pa.Table.from_batches([batch.replace_schema_metadata() for batch in answers])
    return table.sort_by(KEY).combine_chunks().to_batches()[0]


def columns(
    keys: Mapping[int, np.ndarray], counts: Mapping[int, pa.RecordBatch], declaration: Declaration
) -> dict[str, pa.Array]:
    """The declared rate and count columns, float32 `[N]`; 0 where nothing is known.

    `log((events + prior * rate) / (impressions + prior) / rate)` and `log1p(impressions)`, see
    `schemas.declaration.Rates`.

    Args:
      keys: uint64 `[N]` by key set, those of the impressions.
      counts: by key set and `TOTAL`; absent where there were no rows.
    """
    assert declaration.rates is not None
    prior = declaration.rates.prior
    total = counts.get(TOTAL)
    found = {index: _Lookup(counts.get(index), keys[index]) for index in keys}
    out = {}
    for column in declaration.rate_columns:
        index = declaration.rates.keys.index(column.keys)
        shown = found[index].values(IMPRESSIONS)
        if column.kind == "count":
            out[column.name] = np.log1p(shown)
            continue
        assert column.event is not None
        rate = _ratio(total, column.event)
        happened = found[index].values(column.event)
        out[column.name] = (
            np.log((happened + prior * rate) / (shown + prior) / rate) if rate > 0 else np.zeros(len(shown))
        )
    return {name: pa.array(values.astype(np.float32)) for name, values in out.items()}


def _ratio(total: pa.RecordBatch | None, event: str) -> float:
    if total is None or not total.num_rows:
        return 0.0
    return total.column(event)[0].as_py() / total.column(IMPRESSIONS)[0].as_py()


class _Lookup:
    """Where each of `keys` `[N]` stands in one key set's counts: found once, for all that is counted."""

    def __init__(self, counts: pa.RecordBatch | None, keys: np.ndarray):
        self._counts, self._rows = counts, len(keys)
        if counts is not None and counts.num_rows:
            known = numpy_of(counts.column(KEY))
            self._at = np.minimum(np.searchsorted(known, keys), len(known) - 1)
            self._found = known[self._at] == keys

    def values(self, name: str) -> np.ndarray:
        """Counts of `name`, float64 `[N]`; 0 for a key that is not there."""
        if self._counts is None or not self._counts.num_rows:
            return np.zeros(self._rows)
        return np.where(self._found, numpy_of(self._counts.column(name))[self._at], 0.0)


def _sum(keys: np.ndarray, values: Mapping[str, np.ndarray]) -> pa.RecordBatch:
    order = np.argsort(keys, kind="stable")
    distinct, starts = np.unique(keys[order], return_index=True)
    sums = [np.add.reduceat(v[order], starts) if len(starts) else v for v in values.values()]
    return pa.RecordBatch.from_arrays([pa.array(distinct), *map(pa.array, sums)], [KEY, *values])
