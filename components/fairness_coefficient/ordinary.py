"""Which impressions nobody intervened in, as far as the log tells."""

from __future__ import annotations

from typing import Any

ORDINARY = 0.8
"""Fairness Coefficients from here on are taken for those of ordinary impressions."""


def ordinary(coefficient: Any, flag: Any = None) -> Any:
    """bool, in the shape of the arguments, NumPy arrays or tensors.

    Args:
      coefficient: Fairness Coefficients.
      flag: the column of group `intervention`, 1 where somebody intervened; None where the log has none.
    """
    return coefficient >= ORDINARY if flag is None else flag == 0
