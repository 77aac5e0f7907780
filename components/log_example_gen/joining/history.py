"""Point-in-time histories: what a user did, in any scenario, before an impression."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa

from scenerank.components.hashing import numpy_of
from scenerank.components.log_example_gen.joining.streams import ROW_HASH, TYPE
from scenerank.schemas.columns import HISTORY_AGE, HISTORY_TYPE
from scenerank.schemas.declaration import Declaration


def codes(*columns: pa.Array) -> list[np.ndarray]:
    """Equal values of all columns as equal small integers that sort as the values do; int64 `[N]` each."""
    nothing = "" if pa.types.is_string(columns[0].type) else 0
    encoded = pa.concat_arrays([column.fill_null(nothing) for column in columns]).dictionary_encode()
    distinct = encoded.dictionary.to_numpy(zero_copy_only=False)
    rank = np.empty(len(distinct), np.int64)
    rank[np.argsort(distinct, kind="stable")] = np.arange(len(distinct))
    ranked = rank[numpy_of(encoded.indices)] if len(distinct) else np.zeros(0, np.int64)
    return np.split(ranked, np.cumsum([len(column) for column in columns])[:-1])


def latest(batch: pa.RecordBatch, declaration: Declaration, settled_ms: int | None) -> pa.RecordBatch:
    """Behaviors without duplicates, and of those up to `settled_ms` only the last `length` a user.

    Args:
      settled_ms: a time that lies before every impression by the delay at least, so that a behavior up to
        then is in the history of all of the user's impressions unless `length` later ones displace it.
        None keeps all.
    """
    assert declaration.history is not None
    time = numpy_of(batch.column(declaration.time.name))
    row = numpy_of(batch.column(ROW_HASH))
    (user,) = codes(batch.column(declaration.user.name))
    order = np.lexsort((row, time, user))
    order = order[~repeated(user[order], time[order], row[order])]
    if settled_ms is not None:
        settled = time[order] <= settled_ms
        users = user[order][settled]
        from_end = np.searchsorted(users, users, side="right") - np.arange(len(users))
        keep = np.ones(len(order), bool)
        keep[settled] = from_end <= declaration.history.length
        order = order[keep]
    return batch.take(pa.array(order))


def repeated(*columns: np.ndarray) -> np.ndarray:
    """bool `[N]`, rows equal to the one before in all columns."""
    same = np.zeros(len(columns[0]), bool)
    if len(same):
        same[1:] = np.logical_and.reduce([column[1:] == column[:-1] for column in columns])
    return same


@dataclasses.dataclass
class Histories:
    """The histories of a partition's impressions as ranges over its behaviors.

    Attributes:
      behaviors: sorted by user, time and row hash.
      times: int64 `[M]`, theirs.
      start, end: int64 `[N]`, the history of impression `i` is `behaviors[start[i]:end[i]]`, oldest first.
    """

    declaration: Declaration
    behaviors: pa.RecordBatch
    times: np.ndarray
    start: np.ndarray
    end: np.ndarray

    @classmethod
    def join(cls, users: pa.Array, times: np.ndarray, behaviors: pa.RecordBatch, declaration: Declaration) -> Histories:
        """Finds the last `length` behaviors of each impression's user that are `delay_ms` older, 1 ms at least.

        Args:
          users: `[N]`, of the impressions.
          times: int64 `[N]`, in milliseconds.
          behaviors: `[M]`, in any order, without duplicates.
        """
        assert declaration.history is not None
        happened = numpy_of(behaviors.column(declaration.time.name))
        of_impression, of_behavior = codes(users, behaviors.column(declaration.user.name))
        order = np.lexsort((numpy_of(behaviors.column(ROW_HASH)), happened, of_behavior))
        happened, of_behavior = happened[order], of_behavior[order]
        # (user, time) becomes one integer; ranks of times instead of times, so that it cannot overflow.
        moments = np.unique(happened)
        stride = np.int64(len(moments) + 1)
        key = of_behavior * stride + np.searchsorted(moments, happened)
        delay = max(declaration.history.delay_ms, 1)
        first_time = np.iinfo(np.int64).min
        known = np.searchsorted(moments, np.maximum(times, first_time + delay) - delay, side="right")
        known[times < first_time + delay] = 0
        end = np.searchsorted(key, of_impression * stride + known)
        first = np.searchsorted(key, of_impression * stride)
        start = np.maximum(first, end - declaration.history.length)
        return cls(declaration, behaviors.take(pa.array(order)), happened, start, end)

    def columns(self, rows: slice, times: np.ndarray) -> dict[str, pa.ListArray]:
        """The declared history columns of the impressions `rows`, whose times are `times`."""
        start, end = self.start[rows], self.end[rows]
        lengths = end - start
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        flat = np.arange(offsets[-1]) + np.repeat(start - offsets[:-1], lengths)
        out = {}
        assert self.declaration.history is not None
        types = pa.array(list(self.declaration.history.types))
        for column in self.declaration.history_columns:
            if column.name == HISTORY_TYPE.name:
                values = types.take(pa.array(numpy_of(self.behaviors.column(TYPE))[flat]))
            elif column.name == HISTORY_AGE.name:
                age = np.repeat(times.astype(np.float64), lengths) - self.times[flat]
                values = pa.array((age / 1000).astype(np.float32))
            else:
                values = self.behaviors.column(column.source).take(pa.array(flat))
            out[column.name] = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values)
        return out
