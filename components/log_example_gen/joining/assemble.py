"""A partition's examples: its users' impressions with histories and rates joined, in a fixed order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa

from scenerank.components.hashing import combine, hash_column, numpy_of
from scenerank.components.log_example_gen.joining import rates
from scenerank.components.log_example_gen.joining.history import Histories, codes, latest, repeated
from scenerank.components.log_example_gen.joining.identity import ROW_HASH, asked, columns_of, without_outranked
from scenerank.components.log_example_gen.joining.streams import (
    BEHAVIORS,
    IMPRESSIONS,
    RATES,
    STREAM,
    behaviors,
)
from scenerank.schemas.declaration import Declaration

KEY_SET = b"key_set"
_MERGE_ROWS = 1 << 20


class Partition:
    """Collects a partition's batches of all streams, then emits its examples.

    Held in memory: the impressions of one day of the partition's users; of their behaviors before it the
    last `length` a user (where `partitioned_by_time`; else all), those known only within the day, and up to 2**20 rows
    not yet merged; the counts of the keys that its impressions have. A user with very many events makes a partition as
    much larger as the events are rows.

    Attributes:
      duplicates: rows that were there before, in all columns.
      redelivered: rows left out because another delivery of their impression tells more.
    """

    def __init__(self, declaration: Declaration, settled_ms: int | None):
        self._declaration = declaration
        self._settled = settled_ms
        self._impressions: list[pa.RecordBatch] = []
        self._behaviors: list[pa.RecordBatch] = []
        self._unmerged = 0
        self._rates: dict[int, list[pa.RecordBatch]] = {}
        self.duplicates = self.redelivered = 0

    @property
    def empty(self) -> bool:
        """Whether no impression was added."""
        return not self._impressions

    def add(self, batch: pa.RecordBatch) -> None:
        """Takes a batch of any stream."""
        metadata = batch.schema.metadata
        stream = metadata[STREAM]
        if stream == IMPRESSIONS:
            self._impressions.append(batch)
        elif stream == RATES:
            self._rates.setdefault(int(metadata[KEY_SET]), []).append(batch)
        else:
            assert stream == BEHAVIORS
            self._behaviors.append(batch)
            self._unmerged += batch.num_rows
            if self._unmerged > _MERGE_ROWS:
                self._behaviors = [latest(one(self._behaviors), self._declaration, self._settled)]
                self._unmerged = 0

    def examples(self, total: pa.RecordBatch | None, slice_rows: int) -> Iterator[pa.RecordBatch]:
        """Examples by user, time and row hash, `slice_rows` at a time, as `Declaration.example_schema`.

        `empty` must be false.

        Args:
          total: counts of all impressions of the rates' days, if there were any.
        """
        declaration = self._declaration
        day = one(self._impressions)
        self._impressions = []
        (user,) = codes(day.column(declaration.user.name))
        time, row = numpy_of(day.column(declaration.time.name)), numpy_of(day.column(ROW_HASH))
        order = np.lexsort((row, time, user))
        again = repeated(user[order], time[order], row[order])
        self.duplicates = int(again.sum())
        distinct = day.take(pa.array(order[~again]))
        day = without_outranked(distinct)
        self.redelivered = distinct.num_rows - day.num_rows
        histories = self._join(day) if declaration.history else None
        counts = {index: rates.joined(answers) for index, answers in self._rates.items()}
        if total is not None:
            counts[rates.TOTAL] = total
        for start in range(0, day.num_rows, slice_rows):
            rows = slice(start, min(start + slice_rows, day.num_rows))
            part = day.slice(start, slice_rows)
            columns = {c.name: part.column(c.name).fill_null(c.fill) for c in declaration.kept}
            if histories:
                columns.update(histories.columns(rows))
            if declaration.rates:
                columns.update(rates.columns(self._keys(part), counts, declaration))
            schema = declaration.example_schema
            yield pa.RecordBatch.from_arrays([columns[name] for name in schema.names], schema=schema)

    def _keys(self, part: pa.RecordBatch) -> dict[int, np.ndarray]:
        """Hashes of the rates' keys, uint64 `[N]` by key set."""
        assert self._declaration.rates is not None
        sets = self._declaration.rates.keys
        hashes = {name: hash_column(part.column(name)) for name in {name for keys in sets for name in keys}}
        return {index: combine([hashes[name] for name in keys]) for index, keys in enumerate(sets)}

    def _join(self, day: pa.RecordBatch) -> Histories:
        declaration = self._declaration
        own = behaviors(day, declaration, {name: day.column(name) for name in columns_of(declaration)})
        earlier = latest(one(self._behaviors), declaration, self._settled) if self._behaviors else own[:0]
        past = one([earlier, own])
        fills = {c.name: c.fill for c in declaration.columns}
        names = past.schema.names
        filled = [past.column(n).fill_null(fills[n]) if n in fills else past.column(n) for n in names]
        past = pa.RecordBatch.from_arrays(filled, names)
        moments = asked(day, earlier, declaration)
        return Histories.join(day.column(declaration.user.name), moments, past, declaration)


def one(batches: Iterable[pa.RecordBatch]) -> pa.RecordBatch:
    """Batches of the same columns as one."""
    tables = [pa.Table.from_batches([b]).replace_schema_metadata() for b in batches]
    table = pa.concat_tables(tables).combine_chunks()
    merged = table.to_batches()
    return merged[0] if merged else pa.RecordBatch.from_pylist([], schema=table.schema)
