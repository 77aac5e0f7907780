"""Trips: for a few days a user plans one, with a purpose and a destination that no log tells."""

from __future__ import annotations

import dataclasses

import numpy as np

from components.sources.simulator.catalogue import BUSINESS_PLACE
from components.sources.simulator.population import Population
from components.sources.simulator.settings import Settings

PURPOSES = ("none", "leisure", "business")
LEISURE, BUSINESS = 1, 2
HAZARD = 0.07
"""Probability that an idle user starts to plan, per day."""
SHORTEST, LONGEST = 3, 7
"""Days that planning lasts."""
WARM_UP = 14


@dataclasses.dataclass(frozen=True)
class Trips:
    """Who plans what on one day; arrays of length U.

    Attributes:
      purpose: int8 index into `PURPOSES`.
      destination: int32; 0 and meaningless where the purpose is none.
      left: int8, days until the plan ends.
    """

    purpose: np.ndarray
    destination: np.ndarray
    left: np.ndarray

    @classmethod
    def before_first_day(cls, settings: Settings, population: Population) -> Trips:
        """The state that the platform opens with: as after many days."""
        count = len(population)
        trips = cls(np.zeros(count, np.int8), np.zeros(count, np.int32), np.zeros(count, np.int8))
        for step in range(WARM_UP):
            trips = trips.next_day(settings.stream("trips before", step), population)
        return trips

    def next_day(self, rng: np.random.Generator, population: Population) -> Trips:
        """The state a day later."""
        left = np.maximum(self.left - 1, 0).astype(np.int8)
        purpose = np.where(left > 0, self.purpose, 0).astype(np.int8)
        destination = np.where(left > 0, self.destination, 0).astype(np.int32)
        start = np.flatnonzero((left == 0) & (rng.random(len(left)) < HAZARD))
        business = rng.random(len(start)) < population.business[start]
        purpose[start] = np.where(business, BUSINESS, LEISURE)
        wish = np.where(business[:, None], 2.0 * BUSINESS_PLACE, 2.0 * population.destination_taste[start])
        destination[start] = np.argmax(wish + rng.gumbel(size=wish.shape), axis=1)
        left[start] = rng.integers(SHORTEST, LONGEST + 1, len(start))
        return Trips(purpose, destination, left)
