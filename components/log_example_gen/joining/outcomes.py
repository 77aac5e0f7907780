"""When outcomes become known: a click at once, a purchase hours after the item was shown."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa

from scenerank.components.hashing import is_null, numpy_of
from scenerank.schemas.columns import Column
from scenerank.schemas.declaration import Declaration

NEVER = np.iinfo(np.int64).max


@dataclasses.dataclass(frozen=True)
class Outcomes:
    """What happened to rows, in the order that it became known: a row's stronger type takes the place of its weaker.

    Attributes:
      rows: int64 `[M]`, to which row.
      types: int8 `[M]`, position in `history.types`.
      times: int64 `[M]`, when it happened, in milliseconds.
      known: int64 `[M]`, from when on it is known.
      until: int64 `[M]`, from when on a stronger type of the same row is; `NEVER` if none follows.
    """

    rows: np.ndarray
    types: np.ndarray
    times: np.ndarray
    known: np.ndarray
    until: np.ndarray

    @classmethod
    def of(cls, batch: pa.RecordBatch, declaration: Declaration) -> Outcomes:
        """Of checked rows, those of types that happened and were not known to be stronger already."""
        assert declaration.history is not None
        found = []
        until = np.full(batch.num_rows, NEVER)
        for kind, (name, delay) in reversed([*enumerate(zip(declaration.history.types.values(), delays(declaration)))]):
            times = happened_at(batch, declaration[name], declaration)
            known = later(times, delay)
            rows = np.flatnonzero((numpy_of(batch.column(name)) == 1) & (known < until))
            found.append((rows, np.full(len(rows), kind, np.int8), times[rows], known[rows], until[rows]))
            until[rows] = known[rows]
        return cls(*(np.concatenate(parts) for parts in zip(*found)))


def delays(declaration: Declaration) -> tuple[int, ...]:
    """Of each behavior type, milliseconds until it is known, 1 at least."""
    return declaration.history.delays if declaration.history else ()


def happened_at(batch: pa.RecordBatch, outcome: Column, declaration: Declaration) -> np.ndarray:
    """int64 `[N]`, when the outcome of each row happened: not before the row itself, and with it if nothing is told."""
    shown = numpy_of(batch.column(declaration.time.name))
    if outcome.time is None:
        return shown
    told = batch.column(outcome.time)
    return np.where(is_null(told), shown, np.maximum(shown, numpy_of(told)))


def known_before(batch: pa.RecordBatch, outcome: Column, declaration: Declaration, moment: int) -> np.ndarray:
    """bool `[N]`, whether an outcome of each row, if it happened, was known before `moment`, in milliseconds."""
    history, delay = declaration.history, 0
    if history is not None and isinstance(history.delay_ms, dict):
        delay = max([history.delay_ms[kind] for kind, name in history.types.items() if name == outcome.name], default=0)
    return later(happened_at(batch, outcome, declaration), delay) < moment


def later(times: np.ndarray, delay: int) -> np.ndarray:
    """Times plus a delay, without overflow."""
    return np.minimum(times, NEVER - delay) + delay
