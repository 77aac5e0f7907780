"""Fairness Coefficients by exposure: what pairs would have been shown today had nobody intervened, over what they were.

SAR-Net says of Eq. 1 that its numerator is a constant which intervention leaves alone, and that the coefficient falls
as exposure grows. Read like that, with n today's impressions of item i in scenario s, N those of the scenario:

    FC = E / n,    E = q N,    q the pair's organic share of the scenario

q comes from the days before: `q = r (O + k) / (r T + k)`, with O the pair's organic impressions, T the scenario's, r
the item's share over all scenarios, which stands behind a rare pair with the weight of k expected impressions. A day's
organic impressions are its impressions times its own coefficient, found in the same way from the days before it, so
that a long campaign does not become normal. A pair that was not shown before has 1.

Today's count is the sum of chances: with m the factor that an intervention multiplies exposure by, n ~ Poisson(m E) and
m ~ Gamma(p, p), 1/m is about `(E + p) / (n + p)`. p = 1 / Var(m) and k = 1 / Var(q / r) are estimated from all of the
days by the method of moments (empirical Bayes, as Clayton and Kaldor, Biometrics 1987): where nobody intervenes counts
vary as chance has them, p is large and coefficients are 1.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

MOST = 1000.0
"""Impressions of a prior, at most: so small a variance is not told from none."""
LEAST = 0.5


class Totals(NamedTuple):
    """Impressions of all pairs of a scenario, by day.

    Attributes:
      scenarios: keys `[S]`.
      impressions: float64 `[D, S]`; oldest day first, today last.
    """

    scenarios: pa.Array
    impressions: np.ndarray


class Moments(NamedTuple):
    """Sums from which priors are estimated; those of parts add up.

    Attributes:
      pairs, expected_pairs: excess variance of pairs over what their items' shares expect, and the squares of that.
      days, expected_days: the same of a day's pairs over what the other days expect.
    """

    pairs: float
    expected_pairs: float
    days: float
    expected_days: float


class Priors(NamedTuple):
    """Strengths in impressions: `pair` of the item's share behind a pair's (k), `day` of a coefficient of 1 (p)."""

    pair: float
    day: float


@dataclasses.dataclass(frozen=True)
class Exposure:
    """Impressions of pairs on several days; all pairs of an item are together.

    Attributes:
      impressions: float64 `[P, D]`, oldest day first, today last.
      totals: float64 `[P, D]`, of each pair's scenario.
      all: float64 `[D]`, of all scenarios.
      item: int64 `[P]`.
    """

    impressions: np.ndarray
    totals: np.ndarray
    all: np.ndarray
    item: np.ndarray

    def moments(self) -> Moments:
        """See `Moments`; unbiased under Poisson counts, with what is expected being a count itself."""
        n, days = self.impressions, self.impressions.shape[1]
        whole, scenario = n.sum(1), self.totals.sum(1)
        likely = self._item_share(whole, self.all.sum()) * scenario
        found = [float(((whole - likely) ** 2 - whole).sum()), float((likely**2).sum()), 0.0, 0.0]
        for day in range(days if days > 1 else 0):
            others = np.maximum(scenario - self.totals[:, day], 1.0)
            scale = self.totals[:, day] / others
            expected = (whole - n[:, day]) * scale
            own = expected * scale  # variance of what is expected
            found[2] += float(((n[:, day] - expected) ** 2 - n[:, day] - own).sum())
            found[3] += float((expected**2 - own).sum())
        return Moments(*found)

    def expected(self, priors: Priors) -> np.ndarray:
        """E, today's impressions of each pair had nobody intervened: float64 `[P]`, NaN where nothing is known."""
        organic, scenario, everything = np.zeros_like(self.item, np.float64), np.zeros(len(self.item)), 0.0
        found = np.full(len(self.item), np.nan)
        for day in range(self.impressions.shape[1]):
            n = self.impressions[:, day]
            if day:
                share = self._item_share(organic, everything)
                weight = np.maximum(share * scenario + priors.pair, np.finfo(float).tiny)
                known = (organic > 0) & (scenario > 0)
                found = np.where(known, share * (organic + priors.pair) / weight * self.totals[:, day], np.nan)
            organic = organic + n * coefficients(found, n, priors.day)
            scenario, everything = scenario + self.totals[:, day], everything + self.all[day]
        return found

    def _item_share(self, impressions: np.ndarray, everything: float) -> np.ndarray:
        """Share of each pair's item in all impressions, `[P]`."""
        count = int(self.item.max()) + 1 if len(self.item) else 0
        return np.bincount(self.item, impressions, count)[self.item] / max(everything, 1.0)


def exposure(days: Sequence[pa.Table], totals: Totals) -> tuple[Exposure, list[np.ndarray]]:
    """Lays days' pairs side by side.

    Args:
      days: scenario, item, impressions, each pair once a day; oldest first, today last; all pairs of an item, or none.
      totals: of the same days, every scenario in it.

    Returns:
      The exposure, and for each day the place in it of each of its rows, int64 `[rows]`.
    """
    items = pc.dictionary_encode(pa.concat_arrays([_flat(day["item"]) for day in days]))
    item = items.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    scenario = np.concatenate(
        [pc.index_in(_flat(day["scenario"]), totals.scenarios).to_numpy(zero_copy_only=False) for day in days]
    ).astype(np.int64)
    pairs, place = np.unique(item * len(totals.scenarios) + scenario, return_inverse=True)
    of_day = np.repeat(np.arange(len(days)), [day.num_rows for day in days])
    counts = np.concatenate([_flat(day["impressions"]).to_numpy(zero_copy_only=False) for day in days])
    impressions = np.zeros((len(pairs), len(days)))
    impressions[place, of_day] = counts
    found = Exposure(
        impressions,
        totals.impressions[:, pairs % len(totals.scenarios)].T,
        totals.impressions.sum(1),
        pairs // len(totals.scenarios),
    )
    return found, np.split(place, np.cumsum([day.num_rows for day in days])[:-1])


def _flat(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def priors(moments: Moments, day: float | None = None) -> Priors:
    """Reciprocals of the variances that the moments tell, within bounds; `day` is given in place of its estimate."""

    def strength(excess: float, squares: float) -> float:
        return float(np.clip(squares / excess, LEAST, MOST)) if excess > 0 and squares > 0 else MOST

    own = strength(moments.days, moments.expected_days) if day is None else day
    return Priors(strength(moments.pairs, moments.expected_pairs), own)


def coefficients(expected: np.ndarray, impressions: np.ndarray, prior: float) -> np.ndarray:
    """`(E + p) / (n + p)`, before normalisation: float64 `[P]`; 1 where E is NaN, or where there is nothing at all."""
    weight = impressions + prior
    known = ~np.isnan(expected) & (weight > 0)
    return np.divide(expected + prior, weight, out=np.ones(len(weight)), where=known)
