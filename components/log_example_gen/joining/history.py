"""Point-in-time histories: what a user did, in any scenario, before an impression."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa

from scenerank.components.hashing import numpy_of
from scenerank.components.log_example_gen.checking.checks import day_start_ms
from scenerank.components.log_example_gen.joining.identity import ROW_HASH, without_outranked
from scenerank.components.log_example_gen.joining.outcomes import NEVER, delays, later
from scenerank.components.log_example_gen.joining.streams import KNOWN, TYPE, UNTIL
from scenerank.components.log_example_gen.joining.visible import last_visible
from scenerank.schemas.columns import HISTORY_AGE, HISTORY_TYPE
from scenerank.schemas.declaration import Declaration

REQUEST_MS = 3_600_000


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
    """Behaviors without duplicates, and of those known up to `settled_ms` only the last `length` a user.

    Args:
      settled_ms: a time before every impression's request, so that a behavior known then is in the history of all of
        the user's impressions unless `length` later ones displace it. None keeps all.
    """
    assert declaration.history is not None
    batch = without_outranked(batch)
    time, known, until = _times(batch, declaration)
    row, kind = numpy_of(batch.column(ROW_HASH)), numpy_of(batch.column(TYPE))
    (user,) = codes(batch.column(declaration.user.name))
    order = np.lexsort((kind, row, time, user))
    order = order[~repeated(user[order], time[order], row[order], kind[order])]
    if settled_ms is not None:
        order = order[until[order] > settled_ms]
        settled = (known[order] <= settled_ms) & (until[order] == NEVER)
        users = user[order][settled]
        from_end = np.searchsorted(users, users, side="right") - np.arange(len(users))
        keep = np.ones(len(order), bool)
        keep[settled] = from_end <= declaration.history.length
        order = order[keep]
    return batch.take(pa.array(order))


def _times(behaviors: pa.RecordBatch, declaration: Declaration) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """When each behavior happened, from when on it is known, and until when; int64 `[M]` each, in milliseconds."""
    time = numpy_of(behaviors.column(declaration.time.name))
    if declaration.outcomes_take_time:
        return time, numpy_of(behaviors.column(KNOWN)), numpy_of(behaviors.column(UNTIL))
    return time, later(time, max(delays(declaration))), np.full(len(time), NEVER)


def settled_ms(declaration: Declaration, day: str) -> int | None:
    """A time before the requests of all impressions of the day; None if that cannot be told.

    A request that is made before midnight goes on for `REQUEST_MS` at most; of a longer one an impression may see a few
    behaviors less than `length`, but none of its own request.
    """
    if declaration.history is None or not declaration.partitioned_by_time:
        return None
    return day_start_ms(declaration, day) - (REQUEST_MS if declaration.request else 0)


def repeated(*columns: np.ndarray) -> np.ndarray:
    """bool `[N]`, rows equal to the one before in all columns."""
    same = np.zeros(len(columns[0]), bool)
    if len(same):
        same[1:] = np.logical_and.reduce([column[1:] == column[:-1] for column in columns])
    return same


@dataclasses.dataclass
class Histories:
    """The histories of a partition's impressions, found among its behaviors.

    Attributes:
      behaviors: sorted by user, time, row hash and type.
      times, known, until: int64 `[M]`, see `_times`.
      moments: int64 `[N]`, when the request of each impression was made, in milliseconds.
      first, end: int64 `[N]`, the history of impression `i` is among `behaviors[first[i]:end[i]]`, oldest first.
    """

    declaration: Declaration
    behaviors: pa.RecordBatch
    times: np.ndarray
    known: np.ndarray
    until: np.ndarray
    moments: np.ndarray
    first: np.ndarray
    end: np.ndarray

    @classmethod
    def join(
        cls, users: pa.Array, moments: np.ndarray, behaviors: pa.RecordBatch, declaration: Declaration
    ) -> Histories:
        """Finds the behaviors of each impression's user that happened at least the least delay before its request.

        Args:
          users: `[N]`, of the impressions.
          moments: int64 `[N]`, when their requests were made, in milliseconds.
          behaviors: `[M]`, in any order, without duplicates.
        """
        of_impression, of_behavior = codes(users, behaviors.column(declaration.user.name))
        happened, known, until = _times(behaviors, declaration)
        ties = numpy_of(behaviors.column(TYPE)), numpy_of(behaviors.column(ROW_HASH))
        order = np.lexsort((*ties, happened, of_behavior))
        happened, of_behavior = happened[order], of_behavior[order]
        # (user, time) becomes one integer; ranks of times instead of times, so that it cannot overflow.
        distinct = np.unique(happened)
        stride = np.int64(len(distinct) + 1)
        key = of_behavior * stride + np.searchsorted(distinct, happened)
        delay, first_time = min(delays(declaration)), np.iinfo(np.int64).min
        before = np.searchsorted(distinct, np.maximum(moments, first_time + delay) - delay, side="right")
        before[moments < first_time + delay] = 0
        end = np.searchsorted(key, of_impression * stride + before)
        first = np.searchsorted(key, of_impression * stride)
        taken = behaviors.take(pa.array(order))
        return cls(declaration, taken, happened, known[order], until[order], moments, first, end)

    def _places(self, rows: slice) -> tuple[np.ndarray, np.ndarray]:
        """Of the impressions `rows`: how long their histories are, and which behaviors those have."""
        assert self.declaration.history is not None
        first, end, length = self.first[rows], self.end[rows], self.declaration.history.length
        if self.declaration.outcomes_take_time:
            return last_visible(first, end, self.moments[rows], self.known, self.until, length)
        start = np.maximum(first, end - length)
        lengths = end - start
        offsets = np.cumsum(lengths) - lengths
        return lengths, np.arange(lengths.sum()) + np.repeat(start - offsets, lengths)

    def columns(self, rows: slice) -> dict[str, pa.ListArray]:
        """The declared history columns of the impressions `rows`."""
        assert self.declaration.history is not None
        lengths, flat = self._places(rows)
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        out = {}
        types = pa.array(list(self.declaration.history.types))
        for column in self.declaration.history_columns:
            if column.name == HISTORY_TYPE.name:
                values = types.take(pa.array(numpy_of(self.behaviors.column(TYPE))[flat]))
            elif column.name == HISTORY_AGE.name:
                age = np.repeat(self.moments[rows].astype(np.float64), lengths) - self.times[flat]
                values = pa.array((age / 1000).astype(np.float32))
            else:
                values = self.behaviors.column(column.source).take(pa.array(flat))
            out[column.name] = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values)
        return out
