"""The streams that a checked batch feeds, and how they are divided among partitions of users.

Every stream carries `_row`, a hash over all columns of the log row it came from: rows are exact
duplicates where user, time and that hash agree. Of the keys of rates only hashes travel.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scenerank.components import hashing
from scenerank.components.hashing import numpy_of
from scenerank.components.log_example_gen.checking.casting import cast
from scenerank.schemas.declaration import Declaration

ROW_HASH, TYPE = "_row", "_type"
STREAM = b"stream"
IMPRESSIONS, BEHAVIORS, RATED, WANTED, RATES = b"impressions", b"behaviors", b"rated", b"wanted", b"rates"
_SALT = np.uint64(0x5CE4E7A11C0FFEE5)


class Rows:
    """A batch of checked rows with the hashes of its columns, each computed once."""

    def __init__(self, good: pa.RecordBatch, declaration: Declaration):
        self.batch = good
        self.declaration = declaration
        self._hashes = {name: hashing.hash_column(good.column(i)) for i, name in enumerate(good.schema.names)}
        self._row = hashing.combine(list(self._hashes.values()))

    @property
    def users(self) -> np.ndarray:
        """uint64 `[N]`."""
        return self._hashes[self.declaration.user.name]

    def impressions(self) -> pa.RecordBatch:
        """All columns, text plain, and the row's hash."""
        columns = [plain(column) for column in self.batch.columns] + [pa.array(self._row)]
        return pa.RecordBatch.from_arrays(columns, [*self.batch.schema.names, ROW_HASH])

    def rated(self) -> pa.RecordBatch:
        """What rates need: the hashes of the row and of the columns in keys, and the events."""
        rates = self.declaration.rates
        assert rates is not None
        columns = {ROW_HASH: pa.array(self._row)}
        for name in dict.fromkeys(name for keys in rates.keys for name in keys):
            columns[hash_name(name)] = pa.array(self._hashes[name])
        for event in rates.events:
            columns[event] = self.batch.column(event).fill_null(0)
        return pa.RecordBatch.from_pydict(columns)

    def wanted(self) -> pa.RecordBatch:
        """By which keys without the user these rows will ask for rates: the hashes of the columns in them."""
        rates = self.declaration.rates
        assert rates is not None
        asked = [keys for keys in rates.keys if self.declaration.user.name not in keys]
        names = dict.fromkeys(name for keys in asked for name in keys)
        return pa.RecordBatch.from_pydict({hash_name(name): pa.array(self._hashes[name]) for name in names})

    def behaviors(self) -> pa.RecordBatch:
        """Rows that are behaviors, see `behaviors`."""
        return behaviors(self.batch, self.declaration, pa.array(self._row))


def hash_name(column: str) -> str:
    """Name of the column with the hashes of another."""
    return f"_hash_{column}"


def behavior_types(batch: pa.RecordBatch, declaration: Declaration) -> np.ndarray:
    """Position in `history.types` of the strongest type of each row, -1 if it is no behavior; int8 `[N]`.

    Args:
      batch: checked or raw rows.
    """
    assert declaration.history is not None
    strongest = np.full(batch.num_rows, -1, np.int8)
    for position, name in enumerate(declaration.history.types.values()):
        index = batch.schema.get_field_index(name)
        if index >= 0:
            strongest[numpy_of(cast(batch.column(index), declaration[name]).values) == 1] = position
    return strongest


def likely_behaviors(raw: pa.RecordBatch, declaration: Declaration) -> pa.Array:
    """bool `[N]`, rows of a raw batch that may be behaviors: only those are worth checking for histories."""
    return pc.greater_equal(pa.array(behavior_types(raw, declaration)), 0)


def behaviors(batch: pa.RecordBatch, declaration: Declaration, rows: pa.Array) -> pa.RecordBatch:
    """Rows that are behaviors, with what a history repeats of them: user, time, type, sources.

    Args:
      rows: uint64 `[N]`, hashes of the rows.
    """
    types = behavior_types(batch, declaration)
    mask = pa.array(types >= 0)
    names = behavior_columns(declaration)
    columns = [*(plain(batch.column(name).filter(mask)) for name in names), pa.array(types).filter(mask)]
    return pa.RecordBatch.from_arrays([*columns, rows.filter(mask)], [*names, TYPE, ROW_HASH])


def behavior_columns(declaration: Declaration) -> list[str]:
    """Log columns that a behavior keeps."""
    sources = (c.source for c in declaration.history_columns)
    return list(dict.fromkeys([declaration.user.name, declaration.time.name, *(s for s in sources if s)]))


def divide(
    batch: pa.RecordBatch, users: np.ndarray, partitions: int, stream: bytes
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yields (partition, its rows), marked as `stream`.

    Args:
      users: uint64 `[N]`, hash of each row's user.
    """
    of = ((users ^ _SALT) % np.uint64(partitions)).astype(np.int32)
    order = np.argsort(of, kind="stable")
    taken = batch.take(pa.array(order)).replace_schema_metadata({STREAM: stream})
    bounds = np.searchsorted(of[order], np.arange(partitions + 1))
    for partition in np.flatnonzero(np.diff(bounds)):
        start = bounds[partition]
        yield int(partition), taken.slice(start, bounds[partition + 1] - start)


def plain(column: pa.Array) -> pa.Array:
    """A dictionary-encoded column as its values."""
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
