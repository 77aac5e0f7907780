"""Which impressions nobody intervened in, as far as the log tells."""

from __future__ import annotations

from typing import Any

import numpy as np

ORDINARY = 0.8
"""Fairness Coefficients from here on are taken for those of ordinary impressions."""


def ordinary(coefficient: Any, flag: Any = None) -> Any:
    """bool, in the shape of the arguments, NumPy arrays or tensors.

    Args:
      coefficient: Fairness Coefficients.
      flag: the column of group `intervention`, 1 where somebody intervened; None where the log has none.
    """
    return coefficient >= ORDINARY if flag is None else flag == 0


MOST = 10.0
"""A row stands for at most so many."""


def scale_up(kept: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """By how much ordinary impressions of each cell have to count so that cells have the shares that all have.

    A promotion takes the top of the page: what nobody intervened in sits lower on that page than it would have, and is
    clicked less than it will be. The page's places are the same whoever fills them, so they are what to hold on to.

    Args:
      kept, whole: weight of the ordinary impressions and of all, float `[cells]`; a cell has equal bias columns.

    Returns:
      float64 `[cells]`; 0 where there is no ordinary impression.
    """
    ratio = np.divide(whole, kept, out=np.zeros(len(whole)), where=kept > 0)
    return np.minimum(ratio, MOST)
