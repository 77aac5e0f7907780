"""Standard errors of AUCs and of their differences, by leaving out one group of users at a time.

A user's rows are alike and several, and no independent draws, which DeLong's variance (1988) takes them for; it also
asks for each row's rank under the final histograms, a second pass over all rows. The delete-a-group jackknife (Kott,
2001) draws users: a hash puts each into one of G = `GROUPS` groups, and for a statistic t

    Var(t) = (G - 1) / G * sum over g of (t(g) - mean of t(.))^2,    t(g): computed without group g.

With t the difference of two models' AUCs on the same rows the error is a paired one. All that it needs of the rows are
histograms by group, whole numbers that add up in one pass and in any order.

Without group g a scenario's AUC is `wins / (clicks * others)`: pairs of a clicked and another row that the model puts
in that order, over all pairs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from scenerank.components.evaluator.metrics import logit_bins

GROUPS = 64
"""The error itself is then uncertain by 9 %, and Student's t with 63 degrees of freedom nearly normal."""
BINS = 512
"""Of the score's logit, 0.04 wide: coarser than those of the AUC itself, which moves an error by less than 1 %."""


def cells(user: np.ndarray, label: np.ndarray, scores: Sequence[np.ndarray]) -> np.ndarray:
    """Where rows lie in a scenario's table of counts by model, label, group of users and bin.

    Args:
      user: hashes of users, uint64 `[n]`; `label`: 0 or 1 `[n]`; `scores`: probabilities `[n]` of each of M models.

    Returns:
      Places in the flattened table `[M, 2, GROUPS, BINS]`, int32 `[M, n]`.
    """
    group = (user % np.uint64(GROUPS)).astype(np.int64)
    rows = (label.astype(np.int64) * GROUPS + group) * BINS
    size = 2 * GROUPS * BINS
    return np.stack([at * size + rows + logit_bins(score, BINS) for at, score in enumerate(scores)]).astype(np.int32)


@dataclasses.dataclass(frozen=True)
class Replicates:
    """Scenarios' counts with nobody left out, then without each of the groups.

    Attributes:
      clicks, others: rows clicked and not `[1 + GROUPS]`, or `[S, 1 + GROUPS]` of several scenarios.
      wins: pairs in the right order, ties counting half, of each model; the same shape.
    """

    clicks: np.ndarray
    others: np.ndarray
    wins: dict[str, np.ndarray]

    @classmethod
    def of_cells(cls, cell: np.ndarray, rows: np.ndarray, models: Sequence[str]) -> Replicates:
        """Of a scenario's occupied cells `[n]` and the rows in each `[n]`."""
        bins, place = np.unique(cell % BINS, return_inverse=True)  # the others hold nothing
        shape = (len(models), 2, GROUPS, len(bins))
        counts = np.bincount(cell // BINS * len(bins) + place, rows, int(np.prod(shape))).reshape(shape)
        total = counts.sum(2, keepdims=True)
        others, clicks = np.moveaxis(np.concatenate([total, total - counts], axis=2), 1, 0)
        wins = (clicks * (np.cumsum(others, -1) - others / 2)).sum(-1)
        return cls(clicks[0].sum(-1), others[0].sum(-1), dict(zip(models, wins, strict=True)))

    @classmethod
    def of_document(cls, document: dict[str, Any]) -> Replicates:
        """What `document` gave."""
        wins = {model: np.array(values, np.float64) for model, values in document["wins"].items()}
        return cls(np.array(document["clicks"], np.float64), np.array(document["others"], np.float64), wins)

    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        wins = {model: values.tolist() for model, values in self.wins.items()}
        return {"clicks": self.clicks.tolist(), "others": self.others.tolist(), "wins": wins}

    def auc(self, model: str) -> np.ndarray:
        """A model's AUC; NaN where one class is absent."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(self.wins[model] / (self.clicks * self.others))

    @property
    def groups(self) -> np.ndarray:
        """Which groups have rows, bool `[GROUPS]`."""
        rows = self.clicks + self.others
        return np.asarray(rows[1:] < rows[0])


def together(parts: Iterable[Replicates]) -> Replicates:
    """Scenarios as one, whose AUC is that within scenarios: no pair is of two.

    Pairs of a scenario weigh 1 / its rows, so that it counts about as much as it has clicks (van Elteren, 1960), and
    one without a click does not count. `clicks` and `others` are such that `auc` holds, and no counts.
    """
    parts = list(parts)
    clicks, others = (np.stack([getattr(part, name) for part in parts]) for name in ("clicks", "others"))
    rows = np.maximum(clicks + others, 1)
    wins = {model: (np.stack([part.wins[model] for part in parts]) / rows).sum(0) for model in parts[0].wins}
    return Replicates((clicks * others / rows).sum(0), np.ones(1 + GROUPS), wins)


def error(statistic: np.ndarray, groups: np.ndarray) -> float | None:
    """Standard error of a statistic.

    Args:
      statistic: of all users and without each group `[1 + GROUPS]`; groups: which of these have rows, bool `[GROUPS]`.

    Returns:
      None where fewer than two groups have rows, or the statistic does not exist without one of them.
    """
    without = statistic[1:][groups]
    if len(without) < 2 or not np.isfinite(without).all():
        return None
    return float(np.sqrt((len(without) - 1) * without.var()))
