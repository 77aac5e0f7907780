"""Numbers counted in bins of equal ratio: quantiles to 2 %, and sums of parts that are exact in any order.

The idea is DDSketch's (Masson et al., VLDB 2019), without its bound on the number of bins: there are 5,000 at most.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

RATIO = 1.04
"""Of neighbouring bins; a bin's middle is within 2 % of all in it."""
LEAST = 1e-9
"""Anything nearer to zero counts as zero."""


@dataclasses.dataclass(frozen=True)
class Histogram:
    """Non-empty bins.

    Attributes:
      bins: int64 `[B]`, ascending: 0 is zero, n > 0 begins at `LEAST * RATIO**(n - 1)`, -n mirrors it.
      counts: int64 `[B]`.
    """

    bins: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray) -> Histogram:
        """Counts finite numbers `[N]`."""
        size = np.abs(values.astype(np.float64))
        place = 1 + np.floor(np.log(np.maximum(size, LEAST) / LEAST) / np.log(RATIO)).astype(np.int64)
        bins, counts = np.unique(
            np.where(size < LEAST, 0, np.sign(values).astype(np.int64) * place), return_counts=True
        )
        return cls(bins, counts)

    @classmethod
    def merged(cls, parts: Sequence[Histogram]) -> Histogram:
        """The sum of one part or more."""
        bins, place = np.unique(np.concatenate([part.bins for part in parts]), return_inverse=True)
        counts = np.zeros(len(bins), np.int64)
        np.add.at(counts, place, np.concatenate([part.counts for part in parts]))
        return cls(bins, counts)

    def quantiles(self, shares: Sequence[float]) -> list[float]:
        """The middle of the bin that each quantile lies in; none where nothing was counted."""
        if not len(self.bins):
            return []
        ends = np.cumsum(self.counts)
        found = self.bins[np.searchsorted(ends, np.asarray(shares) * ends[-1])]
        middle = np.sign(found) * LEAST * RATIO ** (np.abs(found) - 0.5)
        return [float(f"{value:.4g}") for value in middle]
