"""What a ranking would show: exposure by category, and how far two rankings are apart in it."""

from __future__ import annotations

import numpy as np


def first_of_request(request: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Rows that a ranking puts first: int64 `[requests]`, ordered by request.

    Args:
      request: sortable ids `[n]`; score: float `[n]`. Of equal scores the earlier row wins.
    """
    order = np.lexsort((np.arange(len(score)), -np.asarray(score, np.float64), request))
    ordered = np.asarray(request)[order]
    new = np.r_[True, ordered[1:] != ordered[:-1]] if len(order) else np.zeros(0, bool)
    return order[new]


def shares(category: np.ndarray, names: np.ndarray) -> np.ndarray:
    """Share of rows of each category: float64 `[len(names)]`, adding up to 1.

    Args:
      category: `[n]`, at least one, each among `names`.
      names: sorted, unique.
    """
    return np.bincount(np.searchsorted(names, category), minlength=len(names)) / len(category)


def first_place_shares(request: np.ndarray, score: np.ndarray, category: np.ndarray, names: np.ndarray) -> np.ndarray:
    """Share of first places that go to each category when requests are ranked by `score`."""
    return shares(np.asarray(category)[first_of_request(request, score)], names)


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """Total variation: the share of exposure that would have to move, 0 to 1."""
    return float(np.abs(a - b).sum() / 2)
