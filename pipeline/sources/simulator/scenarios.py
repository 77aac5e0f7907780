"""Scenarios: traffic shares, click rates and themes."""

from __future__ import annotations

import dataclasses

import numpy as np

from scenerank.pipeline.sources.simulator.settings import Settings

# SAR-Net, Table 1: per cent of the traffic and click-through rate in per cent, of scenarios 1 to 20.
SHARES = (11.20, 2.01, 5.30, 3.61, 2.39, 7.52, 3.44, 12.17, 8.51, 1.39, 4.33, 7.21, 3.99, 1.49, 6.63, 8.52, 4.25,
          0.15, 2.78, 3.11)  # fmt: skip
CLICK_RATES = (5.22, 2.14, 6.39, 3.52, 4.55, 6.83, 4.32, 5.01, 9.39, 1.23, 9.34, 3.61, 5.25, 2.21, 5.29, 6.52, 4.58,
               3.66, 4.79, 6.12)  # fmt: skip

THEMES = ("home_page", "business", "beach", "family", "city_break", "deals", "luxury", "outdoor")


@dataclasses.dataclass(frozen=True)
class Scenarios:
    """The pages and ad slots of the platform; arrays of length S.

    Attributes:
      ids: names.
      share: of the day's impressions, sums to 1.
      click_rate: mean click probability of ordinary traffic.
      theme: index into `THEMES`.
    """

    ids: np.ndarray
    share: np.ndarray
    click_rate: np.ndarray
    theme: np.ndarray

    @classmethod
    def build(cls, settings: Settings) -> Scenarios:
        share, rate = spread(settings.scenarios)
        width = max(2, len(str(settings.scenarios)))
        ids = np.array([f"s{i + 1:0{width}d}" for i in range(settings.scenarios)])
        order = settings.stream("themes").permutation(settings.scenarios)
        return cls(ids, share, rate, (order % len(THEMES)).astype(np.int32))

    def __len__(self) -> int:
        return len(self.ids)


def spread(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Traffic shares and click rates of `count` scenarios, distributed as in the paper's Table 1.

    Twenty scenarios have the table's own values in its order. Other numbers get the quantiles of both columns,
    largest share first; which share goes with which rate follows the table by rank.

    Returns:
      shares float64 `[count]` that sum to 1, and click rates float64 `[count]`.
    """
    shares, rates = np.array(SHARES), np.array(CLICK_RATES) / 100
    if count == len(shares):
        return shares / shares.sum(), rates
    known = (np.arange(len(shares)) + 0.5) / len(shares)
    wanted = 1 - (np.arange(count) + 0.5) / count
    by_share = np.argsort(shares, kind="stable")
    share = np.exp(np.interp(wanted, known, np.log(shares[by_share])))
    paired = np.interp(wanted, known, rates[by_share])
    rank = np.argsort(np.argsort(paired, kind="stable"), kind="stable")
    rate = np.interp((rank + 0.5) / count, known, np.sort(rates))
    return share / share.sum(), rate
