"""Requests of a day: who opens which scenario when, and how many items are seen."""

from __future__ import annotations

import dataclasses

import numpy as np

from scenerank.pipeline.sources.simulator.population import Population
from scenerank.pipeline.sources.simulator.scenarios import Scenarios
from scenerank.pipeline.sources.simulator.trips import BUSINESS, Trips

SHALLOWEST, DEEPEST = 4, 8
"""Impressions of a request; the last request of a day may be cut short."""
PLANNING = 2.0
"""How much more active a user is who plans a trip."""
DAY_MS = 86_400_000

_LEISURE_HOURS = np.array((5, 3, 2, 1, 1, 1, 2, 4, 6, 7, 8, 8, 10, 9, 8, 8, 8, 8, 9, 11, 13, 14, 13, 9), float)
_BUSINESS_HOURS = np.array((2, 1, 1, 1, 1, 1, 3, 7, 11, 14, 14, 12, 9, 11, 13, 13, 12, 11, 9, 8, 8, 8, 6, 4), float)


@dataclasses.dataclass(frozen=True)
class Requests:
    """Page views in order of time; arrays of length R.

    Attributes:
      number: int64, 0 to R - 1 over the day.
      user, scenario: int32.
      time: int64, milliseconds since midnight; all impressions of a request share it.
      depth: int64, number of impressions.
      lead, nights, party: int64, what the search form says, see `Form`.
    """

    number: np.ndarray
    user: np.ndarray
    scenario: np.ndarray
    time: np.ndarray
    depth: np.ndarray
    lead: np.ndarray
    nights: np.ndarray
    party: np.ndarray

    def __len__(self) -> int:
        return len(self.user)

    def blocks(self, size: int) -> list[Requests]:
        """Consecutive pieces of at most `size` requests."""
        fields = [getattr(self, field.name) for field in dataclasses.fields(self)]
        return [Requests(*(f[i : i + size] for f in fields)) for i in range(0, len(self), size)]


def depths(rng: np.random.Generator, impressions: int) -> np.ndarray:
    """Depths of requests that hold `impressions` in all, int64 `[R]`."""
    drawn = rng.integers(SHALLOWEST, DEEPEST + 1, -(-impressions // SHALLOWEST))
    ends = np.cumsum(drawn)
    kept = int(np.searchsorted(ends, impressions)) + 1
    drawn = drawn[:kept]
    drawn[-1] -= ends[kept - 1] - impressions
    return drawn


def visitors(rng: np.random.Generator, scenario: np.ndarray, population: Population, trips: Trips) -> np.ndarray:
    """Draws who opens each page, by activity among the scenario's users: int32, shaped like `scenario`."""
    weight = population.activity * np.where(trips.purpose > 0, PLANNING, 1.0)
    ends = np.cumsum(weight[population.members])
    last = np.searchsorted(population.member_of, np.arange(scenario.max() + 1), side="right") - 1
    top = ends[last]
    bottom = np.concatenate([[0.0], top[:-1]])
    point = bottom[scenario] + rng.random(len(scenario)) * (top - bottom)[scenario]
    # Rounding may put a point on the border: it stays in its scenario.
    first = np.concatenate([[0], last[:-1] + 1])
    found = np.clip(np.searchsorted(ends, point, side="right"), first[scenario], last[scenario])
    return population.members[found]


def requests(
    rng: np.random.Generator, impressions: int, scenarios: Scenarios, population: Population, trips: Trips
) -> Requests:
    """Draws a day's page views."""
    depth = depths(rng, impressions)
    ends = np.cumsum(scenarios.share)
    scenario = np.searchsorted(ends / ends[-1], rng.random(len(depth)), side="right").astype(np.int32)
    user = visitors(rng, scenario, population, trips)
    point = rng.random(len(depth))
    moment = np.where(trips.purpose[user] == BUSINESS, _moment(_BUSINESS_HOURS, point), _moment(_LEISURE_HOURS, point))
    time = np.minimum((moment * DAY_MS).astype(np.int64), DAY_MS - 1)
    order = np.argsort(time, kind="stable")
    form = trips.forms(rng, user[order])
    # The shortened request stays last, so that its place does not depend on its length.
    return Requests(np.arange(len(depth)), user[order], scenario[order], time[order], depth, *form.columns)


def _moment(hours: np.ndarray, point: np.ndarray) -> np.ndarray:
    """Inverse distribution function of a daily rhythm: fraction of the day."""
    ends = np.concatenate([[0.0], np.cumsum(hours) / hours.sum()])
    return np.interp(point, ends, np.arange(25) / 24)
