"""The metrics that the papers report."""

from __future__ import annotations

import numpy as np
from scipy import stats
from sklearn.metrics import log_loss, roc_auc_score

from scenerank.components.evaluator.gauc import grouped_auc
from scenerank.pipeline.compare.facts import Facts

OVERALL = ""
Metrics = dict[str, float | None]


def measure(label: np.ndarray, score: np.ndarray, facts: Facts) -> dict[str, Metrics]:
    """Metrics of all rows (under "") and of each scenario.

    `auc`; `logloss`; `pcoc`, predicted over observed click rate; `gauc`, AUC within each request (or user),
    impression-weighted; `s_gauc`, the same within sessions (SFPNet Eq. 13); `rows`, `clicks`. None where the rows
    do not define it.

    Args:
      label: 0 or 1 `[N]`.
      score: probability `[N]`.
    """
    out = {OVERALL: _of(label, score, facts, np.arange(len(label)))}
    for scenario in np.unique(facts.scenario):
        out[str(scenario)] = _of(label, score, facts, np.flatnonzero(facts.scenario == scenario))
    return out


def _of(label: np.ndarray, score: np.ndarray, facts: Facts, rows: np.ndarray) -> Metrics:
    label, score = label[rows], score[rows]
    clicks = float(label.sum())
    both = 0 < clicks < len(label)
    gauc = grouped_auc(facts.group[rows], label, score)
    s_gauc = grouped_auc(facts.session[rows], label, score)
    return {
        "auc": float(roc_auc_score(label, score)) if both else None,
        "logloss": float(log_loss(label, np.clip(score, 1e-7, 1 - 1e-7).astype(np.float64), labels=[0, 1])),
        "pcoc": float(score.sum() / clicks) if clicks else None,
        "gauc": gauc.value if gauc.impressions else None,
        "s_gauc": s_gauc.value if s_gauc.impressions else None,
        "rows": len(label),
        "clicks": clicks,
    }


def relative_improvement(auc: float, base: float) -> float | None:
    """RelaImpr, SAR-Net Eq. 13: `(AUC - 0.5) / (AUC of the base - 0.5) - 1`; None over a base that ranks nothing."""
    return (auc - 0.5) / (base - 0.5) - 1.0 if base > 0.5 else None


def significance(mine: list[float], others: list[float]) -> tuple[float | None, float | None]:
    """Two-sided p-values of Student's t and the Mann-Whitney U test on seeds' results; None with fewer than two."""
    if min(len(mine), len(others)) < 2 or len({*mine, *others}) < 2:
        return None, None
    return float(stats.ttest_ind(mine, others).pvalue), float(stats.mannwhitneyu(mine, others).pvalue)
