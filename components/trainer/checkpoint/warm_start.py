"""Weights of the served model carried over to a model of today's vocabularies.

A vocabulary is ordered by frequency, so a value's row changes from day to day even when no value is new:
rows of embedding tables and of per-scenario weights are moved by the value they stand for.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from scenerank.components.trainer.checkpoint.weights import Weights


@dataclasses.dataclass
class Report:
    """What became of each weight.

    Attributes:
      warm: weights carried over as they were.
      moved: weights whose rows were moved, with how many of their rows had a predecessor.
      cold: weights that start anew, with the reason.
      dropped: weights of the old model that the new one does not have.
    """

    warm: list[str] = dataclasses.field(default_factory=list)
    moved: dict[str, int] = dataclasses.field(default_factory=dict)
    cold: dict[str, str] = dataclasses.field(default_factory=dict)
    dropped: list[str] = dataclasses.field(default_factory=list)

    def summary(self) -> dict[str, Any]:
        """Tells it in short, for a record."""
        return {
            "warm": len(self.warm),
            "moved": len(self.moved),
            "cold": dict(self.cold),
            "dropped": list(self.dropped),
        }


def predecessors(old: Sequence[str], new: Sequence[str]) -> np.ndarray:
    """Row of the old table for each row of the new one, -1 for none; int64 `[1 + len(new)]`.

    Row 0 stands for unknown values in both; row 1 + i for value i.
    """
    rows = {value: row for row, value in enumerate(old, start=1)}
    return np.array([0, *(rows.get(value, -1) for value in new)], np.int64)


def move_rows(old: np.ndarray, fresh: np.ndarray, rows: np.ndarray, unknown: bool = False) -> np.ndarray:
    """`fresh` with those of its rows that have a predecessor replaced by it.

    Args:
      old: `[rows before, ...]`.
      fresh: `[rows now, ...]`, initial values.
      rows: as `predecessors` gives them.
      unknown: rows without a predecessor take the old table's row 0 instead of keeping their initial value.
    """
    source = np.maximum(rows, 0) if unknown else rows
    kept = source >= 0
    out = fresh.copy()
    out[kept] = old[source[kept]]
    return out


def warm_start(
    fresh: Mapping[str, np.ndarray],
    tables: Mapping[str, str],
    vocabularies: Mapping[str, Sequence[str]],
    old: Weights,
    new_rows: str = "initial",
) -> tuple[dict[str, np.ndarray], Report]:
    """Starting values of a model's weights.

    Args:
      fresh: its initial values by name.
      tables: table of each weight that has a table's rows in axis 0 (`models.base.table_of`).
      vocabularies: by table, as in `Weights`, of today.
      old: of the model to start from.
      new_rows: `initial` or `unknown`, see `TrainerSettings`.

    Returns:
      Values by name, all those of `fresh`, and what became of each.
    """
    report = Report(dropped=sorted(set(old.arrays) - set(fresh)))
    values = {}
    for name, initial in fresh.items():
        values[name] = initial
        if name not in old.arrays:
            report.cold[name] = "the served model has no such weight"
            continue
        before, table = old.arrays[name], tables.get(name)
        if before.shape[1:] != initial.shape[1:] or (table is None and before.shape != initial.shape):
            report.cold[name] = f"its shape is {list(initial.shape)}, was {list(before.shape)}"
            continue
        then, now = old.vocabularies.get(table or ""), vocabularies.get(table or "")
        if table is None or (then is None and now is None and len(before) == len(initial)):
            values[name] = before
            report.warm.append(name)
        elif then is not None and now is not None:
            rows = predecessors(then, now)
            values[name] = move_rows(before, initial, rows, new_rows == "unknown")
            report.moved[name] = int(np.sum(rows >= 0))
        elif then is None and now is None:
            report.cold[name] = f"table {table!r} has {len(initial)} rows, had {len(before)}"
        else:
            report.cold[name] = f"table {table!r} is encoded in another way than before"
    return values, report
