"""The streams that a checked batch feeds, and how they are divided among partitions of users.

Every stream of rows carries their `identity`. Of the keys of rates only hashes travel.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scenerank.components import hashing
from scenerank.components.hashing import numpy_of
from scenerank.components.log_example_gen.checking.casting import cast
from scenerank.components.log_example_gen.joining.identity import REQUEST, identity
from scenerank.components.log_example_gen.joining.outcomes import Outcomes, known_before
from scenerank.schemas.declaration import Declaration

TYPE, KNOWN, UNTIL = "_type", "_known", "_until"
STREAM = b"stream"
IMPRESSIONS, BEHAVIORS, RATED, WANTED, RATES = b"impressions", b"behaviors", b"rated", b"wanted", b"rates"
_SALT = np.uint64(0x5CE4E7A11C0FFEE5)


class Rows:
    """A batch of checked rows with the hashes of its columns, each computed once."""

    def __init__(self, good: pa.RecordBatch, declaration: Declaration):
        self.batch = good
        self.declaration = declaration
        self._hashes = {name: hashing.hash_column(good.column(i)) for i, name in enumerate(good.schema.names)}
        self._identity = identity(good, self._hashes, declaration)

    @property
    def users(self) -> np.ndarray:
        """uint64 `[N]`."""
        return self._hashes[self.declaration.user.name]

    def impressions(self) -> pa.RecordBatch:
        """All columns, text plain, and what tells rows apart."""
        columns = [plain(column) for column in self.batch.columns]
        names = [*self.batch.schema.names, *self._identity]
        return pa.RecordBatch.from_arrays([*columns, *self._identity.values()], names)

    def rated(self, before: int | None = None, continued: bool = True) -> pa.RecordBatch:
        """What rates need: what tells rows apart, the hashes of the columns in keys, and the events.

        Args:
          before: milliseconds; events that were not known then count as not happened.
          continued: whether a request of these rows may go on in the day that the rates are for.
        """
        rates, rows = self.declaration.rates, self.batch
        assert rates is not None
        columns = dict(self._identity)
        if REQUEST in columns and not continued:
            columns[REQUEST] = pa.array(np.zeros(rows.num_rows, np.uint64))
        for name in dict.fromkeys(name for keys in rates.keys for name in keys):
            columns[hash_name(name)] = pa.array(self._hashes[name])
        for event in rates.events:
            happened = rows.column(event).fill_null(0)
            if before is not None and self.declaration.outcomes_take_time:
                known = known_before(rows, self.declaration[event], self.declaration, before)
                happened = pc.if_else(pa.array(known), happened, pa.scalar(0, happened.type))
            columns[event] = happened
        return pa.RecordBatch.from_pydict(columns)

    def wanted(self) -> pa.RecordBatch:
        """By which keys without the user these rows will ask for rates, the hashes of the columns in them; and of which
        requests they are."""
        rates = self.declaration.rates
        assert rates is not None
        asked = [keys for keys in rates.keys if self.declaration.user.name not in keys]
        names = dict.fromkeys(name for keys in asked for name in keys)
        columns = {hash_name(name): pa.array(self._hashes[name]) for name in names}
        columns |= {name: self._identity[name] for name in (REQUEST,) if name in self._identity}
        return pa.RecordBatch.from_pydict(columns)

    def behaviors(self) -> pa.RecordBatch:
        """Rows that are behaviors, see `behaviors`."""
        return behaviors(self.batch, self.declaration, self._identity)


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


def behaviors(batch: pa.RecordBatch, declaration: Declaration, identities: Mapping[str, pa.Array]) -> pa.RecordBatch:
    """What a history repeats of rows that are behaviors: user, time, type, sources, and what tells rows apart.

    Where outcomes take time a row is one behavior after the other, each with the time that it happened at, and in
    `_known` and `_until` from when on, and until when, it is the strongest that is known.

    Args:
      identities: of all rows, see `identity`.
    """
    names = behavior_columns(declaration)
    if declaration.outcomes_take_time:
        found = Outcomes.of(batch, declaration)
        rows = pa.array(found.rows)
        columns = {name: plain(batch.column(name).take(rows)) for name in names}
        columns[declaration.time.name] = pa.array(found.times)
        columns |= {TYPE: pa.array(found.types), KNOWN: pa.array(found.known), UNTIL: pa.array(found.until)}
        columns |= {name: values.take(rows) for name, values in identities.items()}
        return pa.RecordBatch.from_pydict(columns)
    types = behavior_types(batch, declaration)
    mask = pa.array(types >= 0)
    columns = {name: plain(batch.column(name).filter(mask)) for name in names}
    columns[TYPE] = pa.array(types).filter(mask)
    columns |= {name: values.filter(mask) for name, values in identities.items()}
    return pa.RecordBatch.from_pydict(columns)


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
