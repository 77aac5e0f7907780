"""Promotion campaigns: merchants whose items are pushed to the top of some scenarios, whoever looks."""

from __future__ import annotations

import dataclasses

import numpy as np

from scenerank.pipeline.sources.simulator.catalogue import Catalogue
from scenerank.pipeline.sources.simulator.settings import Settings

PERIOD, PROMOTED = 4, (1, 2)
"""Of every `PERIOD` days, those promoted: a campaign of two days."""
ORDINARY_SHARE = 0.06
"""Of a scenario's ordinary exposure that falls on the items of one campaign."""
MOST = 0.9
"""Of a scenario's impressions at most this share is pushed."""


def is_promoted(day: int) -> bool:
    """Whether campaigns run on a day, counted from the first."""
    return day % PERIOD in PROMOTED


@dataclasses.dataclass(frozen=True)
class Campaign:
    """What is pushed on one day.

    Attributes:
      pairs: bool `[S, N]`, scenario and item.
      ends: float64 `[S * N]`, cumulated ordinary exposure of the pairs, scenario s within (s, s + 1].
      push: float32 `[S]`, probability that an impression gives way to one of a promoted item.
    """

    pairs: np.ndarray
    ends: np.ndarray
    push: np.ndarray

    @classmethod
    def of(cls, settings: Settings, catalogue: Catalogue, day: int) -> Campaign | None:
        """The campaign of a day; None on ordinary days or with strength 0.

        With share w of a pair's scenario's ordinary exposure and strength k the pair gets about k * w on top;
        the other impressions make room.
        """
        if not is_promoted(day) or settings.promotion_strength == 0:
            return None
        rng = settings.stream("campaign", day // PERIOD)
        exposure, merchants = catalogue.exposure, int(catalogue.merchant.max()) + 1
        by_merchant = np.zeros((len(exposure), merchants))
        order = np.argsort(catalogue.merchant, kind="stable")
        starts = np.searchsorted(catalogue.merchant[order], np.arange(merchants))
        by_merchant[:] = np.add.reduceat(exposure[:, order], starts, axis=1)
        # A merchant who pays does so in several scenarios, not in all.
        turn = np.argsort(rng.random(merchants) + rng.random(by_merchant.shape), axis=1)
        ordered = np.take_along_axis(by_merchant, turn, axis=1)
        taken = np.zeros(by_merchant.shape, bool)
        np.put_along_axis(taken, turn, np.cumsum(ordered, axis=1) - ordered < ORDINARY_SHARE, axis=1)
        pairs = taken[:, catalogue.merchant]
        mass = np.where(pairs, exposure, 0.0)
        push = np.minimum(MOST, settings.promotion_strength * mass.sum(1))
        return cls(pairs, flat_ends(mass), push.astype(np.float32))


def flat_ends(weight: np.ndarray) -> np.ndarray:
    """Cumulates the rows of `[S, N]` weights, row s within (s, s + 1], so that one search serves all rows."""
    ends = np.cumsum(weight, axis=1)
    ends /= ends[:, -1:]
    return (ends + np.arange(len(ends))[:, None]).ravel()
