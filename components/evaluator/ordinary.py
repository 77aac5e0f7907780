"""Calibration on impressions that nobody intervened in, corrected for how they were shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from scenerank.components.fairness_coefficient.aggregation import summed
from scenerank.components.fairness_coefficient.ordinary import ordinary, scale_up
from scenerank.schemas import FAIRNESS, Declaration

SCENARIO, KEPT, ROWS, CLICKS = "scenario", "kept", "rows", "clicks"


def columns(declaration: Declaration) -> list[str]:
    """What `sums` reads of examples besides scenario and label."""
    flag = declaration.intervention
    return [flag.name if flag else FAIRNESS, *_cells(declaration)]


def _cells(declaration: Declaration) -> list[str]:
    return [c.name for c in declaration.bias_columns if c.group == "bias"]


def sums(batch: pa.RecordBatch, declaration: Declaration, models: Sequence[str]) -> pa.Table:
    """Rows, clicks and each model's summed score, by scenario, bias columns and whether it is ordinary.

    Args:
      batch: scenario, label, `columns` and a score a model.
    """
    first, *cells = columns(declaration)
    known = batch.column(first).to_numpy(zero_copy_only=False)
    kept = ordinary(known) if first == FAIRNESS else ordinary(None, known)
    own = [batch.column(name) for name in (declaration.scenario.name, *cells)]
    values = [batch.column(declaration.label.name), *(batch.column(m).cast(pa.float64()) for m in models)]
    names = [SCENARIO, *cells, KEPT, ROWS, CLICKS, *models]
    table = pa.Table.from_arrays([*own, pa.array(kept), pa.array(np.ones(len(kept), np.int64)), *values], names)
    return summed(table, names[: 2 + len(cells)], names[2 + len(cells) :])


def add(parts: Iterable[pa.Table]) -> pa.Table:
    """Sums of parts, in an order that does not depend on how they arrive."""
    table = pa.concat_tables(parts)
    names, first = table.column_names, table.column_names.index(ROWS)
    return summed(table.sort_by([(name, "ascending") for name in names]), names[:first], names[first:])


def calibration(table: pa.Table, models: Sequence[str]) -> list[dict[str, str | float | None]]:
    """PCOC of each scenario, and of all under the name "".

    Returns:
      dicts of `scenario`, `rows` (ordinary ones) and a PCOC by model, None where no ordinary impression was clicked.
    """
    frame = table.to_pandas()
    cells = table.column_names[1 : table.column_names.index(KEPT)]
    parts = [("", frame), *((str(name), part) for name, part in frame.groupby(SCENARIO, sort=True))]
    return [{"scenario": name, **_corrected(part, cells, models)} for name, part in parts]


def _corrected(frame: pd.DataFrame, cells: Sequence[str], models: Sequence[str]) -> dict[str, float | None]:
    place = frame.groupby(list(cells)).ngroup().to_numpy() if cells else np.zeros(len(frame), np.int64)
    kept, rows = frame[KEPT].to_numpy(bool), frame[ROWS].to_numpy(np.float64)
    factor = scale_up(np.bincount(place, rows * kept), np.bincount(place, rows))[place] * kept
    clicks = float(factor @ frame[CLICKS])
    found = {model: float(factor @ frame[model]) / clicks if clicks else None for model in models}
    return {"rows": float(rows[kept].sum()), **found}
