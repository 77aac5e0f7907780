"""Trips: for a few days a user plans one. No log tells its purpose and destination; the search form hints at them."""

from __future__ import annotations

import dataclasses

import numpy as np

from scenerank.pipeline.sources.simulator.catalogue import DESTINATIONS, PURPOSE_PLACE, PURPOSES
from scenerank.pipeline.sources.simulator.population import Population
from scenerank.pipeline.sources.simulator.settings import Settings

FAMILY, COUPLE, BUSINESS = (PURPOSES.index(purpose) for purpose in ("family", "couple", "business"))
HAZARD = 0.1
"""Probability that an idle user starts to plan, per day."""
SHORTEST, LONGEST = 3, 7
"""Days that planning lasts."""
WARM_UP = 14

# Of each purpose: least and most days from the end of planning to the departure, nights, and travellers.
_NOTICE = np.array(((0, 0), (21, 55), (7, 30), (0, 6)))
_NIGHTS = np.array(((1, 1), (4, 8), (2, 5), (1, 3)))
_PARTY = np.array(((2, 2), (3, 5), (2, 2), (1, 1)))
ACCOMPANIED = 0.15
"""Share of business trips with a second traveller."""

UNTOUCHED, CURIOUS = 0.1, 0.06
"""Share of requests of a planning user with the search form as it opens, and of an idle user with one filled in."""
OTHER_DAYS, OTHER_NIGHTS, OTHER_PARTY = 1.5, 0.15, 0.05
"""What users try: standard deviation of the days till departure; shares of requests with a night or traveller more or
fewer."""


@dataclasses.dataclass(frozen=True)
class Form:
    """What a search form says; arrays of one shape.

    Attributes:
      lead: int64, days till the departure; nights, party: int64, at least 1.
    """

    lead: np.ndarray
    nights: np.ndarray
    party: np.ndarray

    @classmethod
    def of(cls, rng: np.random.Generator, purpose: np.ndarray) -> Form:
        """Forms for trips of the given purposes, on the last day of planning; with none, as the form opens: away
        tomorrow, one night, two travellers."""

        def between(bounds: np.ndarray) -> np.ndarray:
            return rng.integers(bounds[purpose, 0], bounds[purpose, 1] + 1)

        lead, nights, party = between(_NOTICE), between(_NIGHTS), between(_PARTY)
        party += (purpose == BUSINESS) & (rng.random(len(purpose)) < ACCOMPANIED)
        return cls(lead + (purpose == 0), nights, party)

    def where(self, chosen: np.ndarray, other: Form) -> Form:
        """These forms where `chosen`, else the others."""
        return Form(*(np.where(chosen, mine, its) for mine, its in zip(self.columns, other.columns)))

    @property
    def columns(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Lead, nights and party."""
        return self.lead, self.nights, self.party


@dataclasses.dataclass(frozen=True)
class Trips:
    """Who plans what on one day; arrays of length U.

    Attributes:
      purpose: int8 index into `PURPOSES`.
      destination: int32; 0 and meaningless where the purpose is none.
      left: int8, days until the plan ends.
      form: what the user has in mind, on the last day of planning.
    """

    purpose: np.ndarray
    destination: np.ndarray
    left: np.ndarray
    form: Form

    @classmethod
    def before_first_day(cls, settings: Settings, population: Population) -> Trips:
        """The state that the platform opens with: as after many days."""
        idle = np.zeros(len(population), np.int8)
        form = Form.of(settings.stream("forms before"), idle)
        trips = cls(idle, np.zeros(len(idle), np.int32), idle, form)
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
        family = rng.random(len(start)) < population.family[start]
        purpose[start] = np.where(business, BUSINESS, np.where(family, FAMILY, COUPLE))
        wish = 2.0 * PURPOSE_PLACE[purpose[start]]
        wish += np.where(business[:, None], 0.0, 2.0 * population.destination_taste[start])
        destination[start] = np.argmax(wish + rng.gumbel(size=(len(start), len(DESTINATIONS))), axis=1)
        left[start] = rng.integers(SHORTEST, LONGEST + 1, len(start))
        new = np.zeros(len(left), bool)
        new[start] = True
        return Trips(purpose, destination, left, Form.of(rng, purpose).where(new | (left == 0), self.form))

    def forms(self, rng: np.random.Generator, user: np.ndarray) -> Form:
        """What the search forms of requests say, `[len(user)]`: the trip, or what is tried, or as the form opens."""
        count = len(user)
        planning, chance = self.purpose[user] > 0, rng.random(count)
        mind = Form(*(column[user] for column in self.form.columns))
        mind = Form(mind.lead + np.where(planning, self.left[user] - 1, 0), mind.nights, mind.party)
        idle = Form.of(rng, np.zeros(count, np.int8))
        curious = Form.of(rng, rng.integers(1, len(PURPOSES), count))
        filled = np.where(planning, chance >= UNTOUCHED, chance < CURIOUS)

        def one_more_or_less(share: float) -> np.ndarray:
            return rng.choice((-1, 0, 1), count, p=(share / 2, 1 - share, share / 2))

        said = mind.where(planning, curious)
        lead = said.lead + np.rint(OTHER_DAYS * rng.standard_normal(count)).astype(np.int64)
        nights, party = said.nights + one_more_or_less(OTHER_NIGHTS), said.party + one_more_or_less(OTHER_PARTY)
        return Form(np.maximum(lead, 0), np.maximum(nights, 1), np.maximum(party, 1)).where(filled, idle)
