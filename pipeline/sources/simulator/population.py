"""Users: attributes, tastes that mostly follow from them, activity, and the scenarios that each visits."""

from __future__ import annotations

import dataclasses

import numpy as np

from scenerank.pipeline.sources.simulator.catalogue import CATEGORIES, KINDS, PLACE_KIND
from scenerank.pipeline.sources.simulator.scenarios import THEMES, Scenarios
from scenerank.pipeline.sources.simulator.settings import Settings

AGE_BANDS = ("18-24", "25-34", "35-44", "45-54", "55-64", "65+")
AGE_SHARES = (0.18, 0.28, 0.22, 0.15, 0.11, 0.06)
FAMILY_SHARES = (0.15, 0.45, 0.65, 0.60, 0.40, 0.35)
"""Of the trips that are not on business, by age."""
REGIONS = ("north", "northeast", "east", "central", "south", "southwest", "northwest", "overseas")
REGION_SHARES = (0.17, 0.08, 0.27, 0.14, 0.17, 0.10, 0.05, 0.02)
LEVEL_SHARES = (0.30, 0.25, 0.18, 0.13, 0.09, 0.05)

# SAR-Net, Table 2: per cent of users that visited a number of scenarios; the numbers of each class.
BREADTH_SHARES = (11.21, 13.40, 25.30, 32.10, 11.52, 6.47)
BREADTHS = ((1,), (2, 3), (4, 5), (6, 7), (8, 9), (10, 11, 12, 13))


@dataclasses.dataclass(frozen=True)
class Population:
    """Arrays of length U, one entry a user.

    Attributes:
      ids: names.
      age, region, level: int32 attributes, indices into `AGE_BANDS`, `REGIONS` and member levels 0 to 5.
      budget: float32, the price level (standard deviations) that suits best.
      category_taste: float32 `[U, C]`; destination_taste: float32 `[U, D]`.
      theme_taste: float32 `[themes, ages, C]`, what an age likes on pages of a theme.
      business: float64, probability that a trip is on business; family: that another one is with children.
      activity: float64, relative number of visits.
      members: int32, users of scenario 0, then of scenario 1, and so on; `member_of`: their scenarios, int32.
    """

    ids: np.ndarray
    age: np.ndarray
    region: np.ndarray
    level: np.ndarray
    budget: np.ndarray
    category_taste: np.ndarray
    destination_taste: np.ndarray
    theme_taste: np.ndarray
    business: np.ndarray
    family: np.ndarray
    activity: np.ndarray
    members: np.ndarray
    member_of: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def build(cls, settings: Settings, scenarios: Scenarios) -> Population:
        rng, count = settings.stream("population"), settings.users
        age = _draw(rng, AGE_SHARES, count)
        region = _draw(rng, REGION_SHARES, count)
        level = _draw(rng, LEVEL_SHARES, count)

        def table(rows: tuple, columns: int, scale: float) -> np.ndarray:
            return (scale * rng.standard_normal((len(rows), columns))).astype(np.float32)

        category_taste = table(AGE_BANDS, len(CATEGORIES), 0.38)[age]
        category_taste += table(LEVEL_SHARES, len(CATEGORIES), 0.24)[level]
        category_taste += 0.22 * rng.standard_normal(category_taste.shape, np.float32)
        destination_taste = table(REGIONS, len(PLACE_KIND), 0.4)[region]
        destination_taste += table(AGE_BANDS, len(KINDS), 0.25)[age][:, PLACE_KIND]
        destination_taste += 0.18 * rng.standard_normal((count, len(KINDS)), np.float32)[:, PLACE_KIND]
        destination_taste += 0.18 * rng.standard_normal(destination_taste.shape, np.float32)
        budget = 0.32 * (level - 1.5) + (0.3 * rng.standard_normal(len(AGE_BANDS)))[age]
        budget = (budget + 0.3 * rng.standard_normal(count)).astype(np.float32)
        wish = -1.2 + 0.3 * (level - 1.5) + np.array((-0.8, 0.3, 0.6, 0.3, -0.5, -2.0))[age]
        members, member_of = _members(settings, scenarios)
        return cls(
            ids=np.array([f"u{i:0{max(6, len(str(count)))}d}" for i in range(count)]),
            age=age,
            region=region,
            level=level,
            budget=budget,
            category_taste=category_taste,
            destination_taste=destination_taste,
            theme_taste=0.25 * rng.standard_normal((len(THEMES), len(AGE_BANDS), len(CATEGORIES)), np.float32),
            business=1 / (1 + np.exp(-wish)),
            family=np.array(FAMILY_SHARES)[age],
            activity=rng.gamma(3.0, 1 / 3.0, count) + 0.1,
            members=members,
            member_of=member_of,
        )

    @property
    def breadth(self) -> np.ndarray:
        """Number of scenarios that each user visits, int64 `[U]`."""
        return np.bincount(self.members, minlength=len(self))


def _draw(rng: np.random.Generator, shares: tuple[float, ...], count: int) -> np.ndarray:
    return rng.choice(len(shares), count, p=np.array(shares) / sum(shares)).astype(np.int32)


def _members(settings: Settings, scenarios: Scenarios) -> tuple[np.ndarray, np.ndarray]:
    """Draws each user's scenarios, without repetition, likelier the more traffic a scenario has."""
    rng, count = settings.stream("members"), settings.users
    group = _draw(rng, BREADTH_SHARES, count)
    sizes = np.array([len(b) for b in BREADTHS])
    first = np.array([b[0] for b in BREADTHS])
    breadth = np.minimum(first[group] + rng.integers(0, sizes[group]), len(scenarios))
    user, scenario = [], []
    log_share = np.log(scenarios.share)
    for start in range(0, count, 16384):  # bounds the memory of the keys
        part = breadth[start : start + 16384]
        keys = log_share + rng.gumbel(size=(len(part), len(scenarios)))
        top = min(int(breadth.max()), len(scenarios))
        best = np.argsort(-keys, axis=1, kind="stable")[:, :top]
        row, rank = np.nonzero(np.arange(top) < part[:, None])
        user.append(row + start)
        scenario.append(best[row, rank])
    users, visited = np.concatenate(user), np.concatenate(scenario)
    # Nobody's page would have traffic but no visitor.
    lonely = np.setdiff1d(np.arange(len(scenarios)), visited)
    users = np.concatenate([users, rng.integers(0, count, len(lonely))])
    visited = np.concatenate([visited, lonely])
    order = np.argsort(visited, kind="stable")
    return users[order].astype(np.int32), visited[order].astype(np.int32)
