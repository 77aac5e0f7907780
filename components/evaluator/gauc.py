"""GAUC: AUC within each ranking request, averaged with the requests' impressions as weights."""

from __future__ import annotations

import dataclasses

import numpy as np


@dataclasses.dataclass
class GroupedAuc:
    """Sums that add up over requests.

    Attributes:
      weighted: sum over two-class requests of AUC * impressions.
      impressions: impressions of these requests.
      requests: how many they are.
      one_class: requests left out because all or none of their impressions were clicked.
    """

    weighted: float = 0.0
    impressions: int = 0
    requests: int = 0
    one_class: int = 0

    def __add__(self, other: GroupedAuc) -> GroupedAuc:
        mine, others = dataclasses.astuple(self), dataclasses.astuple(other)
        return GroupedAuc(*(a + b for a, b in zip(mine, others, strict=True)))

    @property
    def value(self) -> float:
        """Mean over the impressions; NaN without any."""
        return self.weighted / self.impressions if self.impressions else float("nan")


def grouped_auc(request: np.ndarray, label: np.ndarray, score: np.ndarray) -> GroupedAuc:
    """AUC per request of rows that hold whole requests.

    Args:
      request: any sortable ids `[n]`; `label`: 0 or 1 `[n]`; `score`: float `[n]`. Equal scores of a
        request count half, as in the Mann-Whitney statistic.
    """
    if not len(request):
        return GroupedAuc()
    order = np.lexsort((score, request))
    request, label, score = request[order], label[order].astype(np.float64), score[order]
    new_request = np.r_[True, request[1:] != request[:-1]]
    group = np.cumsum(new_request) - 1
    start = np.flatnonzero(new_request)
    size = np.diff(np.r_[start, len(request)])
    # mean rank of ties: all rows of one (request, score) share the middle of their positions
    new_tie = new_request | np.r_[True, score[1:] != score[:-1]]
    tie = np.cumsum(new_tie) - 1
    tie_start = np.flatnonzero(new_tie)
    tie_size = np.diff(np.r_[tie_start, len(request)])
    rank = (tie_start + (tie_size + 1) / 2)[tie] - start[group]
    positives = np.bincount(group, label)
    negatives = size - positives
    both = (positives > 0) & (negatives > 0)
    wins = np.bincount(group, rank * label) - positives * (positives + 1) / 2
    auc = wins[both] / (positives[both] * negatives[both])
    return GroupedAuc(
        float((auc * size[both]).sum()), int(size[both].sum()), int(both.sum()), int(len(size) - both.sum())
    )
