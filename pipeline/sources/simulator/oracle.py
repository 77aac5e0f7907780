"""How well the truth itself ranks: the bound for any model that is served.

Ranked by is the click probability at the reference, which is all that is left to know when neither place nor badge is
given yet. Clicks of `unbiased` rows were drawn from it: no model beats it there but by chance. Clicks in the logs also
depend on place and badge; the ordinary ranker put good items on top, so a model may gain a little there by guessing
where an item was shown, which is not worth anything in service.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from scenerank.components.workspace import Workspace
from scenerank.errors import WorkspaceError


def read(workspace: Workspace, table: str, day: str, columns: list[str] | None = None) -> pa.Table:
    """Rows of `logs`, `truth`, `unbiased` or `truth_unbiased` of a day, in the order of the files.

    Raises:
      WorkspaceError: the day was not simulated.
    """
    parts = [i for i in workspace.list(workspace.uri(table, f"day={day}")) if i.base_name.endswith(".parquet")]
    if not parts:
        raise WorkspaceError(f"{workspace.uri(table, f'day={day}')} holds no Parquet file: simulate the day first")
    return pa.concat_tables(pq.read_table(workspace.fs.open_input_file(i.path), columns=columns) for i in parts)


def auc(label: np.ndarray, score: np.ndarray) -> float:
    """Area under the ROC curve, ties counted half; NaN where all labels are equal."""
    _, rank, count = np.unique(score, return_inverse=True, return_counts=True)
    middle = np.cumsum(count) - (count - 1) / 2
    positive = label.astype(bool)
    hits = int(positive.sum())
    misses = len(label) - hits
    if not hits or not misses:
        return float("nan")
    return float((middle[rank[positive]].sum() - hits * (hits + 1) / 2) / (hits * misses))


def oracle_auc(workspace: str, day: str, unbiased: bool = False) -> dict[str, float]:
    """AUC of the click probability at the reference on a simulated day.

    Args:
      workspace: its URI; day: ISO date; unbiased: of `unbiased/` instead of `logs/`.

    Returns:
      `overall`, then each scenario's by its id; NaN where all labels are equal.

    Raises:
      WorkspaceError: the day was not simulated.
    """
    space = Workspace(workspace)
    rows = read(space, "unbiased" if unbiased else "logs", day, ["scenario_id", "is_click"])
    truth = read(space, "truth_unbiased" if unbiased else "truth", day, ["probability"])
    scenario, label = rows["scenario_id"].to_numpy(), rows["is_click"].to_numpy()
    score = truth["probability"].to_numpy()
    out = {"overall": auc(label, score)}
    for name in np.unique(scenario.astype(str)):
        chosen = scenario == name
        out[str(name)] = auc(label[chosen], score[chosen])
    return out
