"""The truth: how likely a user clicks an item in a scenario on a day, and how likely a purchase follows.

`click` is what an item is worth to the user, with nothing that speaks for or against it but itself: at the top of the
page, without a badge. That is the reference; `logged` is how likely the click is as the item was shown.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from scenerank.pipeline.sources.simulator.catalogue import PURPOSE_APPEAL, PURPOSE_PLACE, Catalogue
from scenerank.pipeline.sources.simulator.population import Population
from scenerank.pipeline.sources.simulator.presentation import examined
from scenerank.pipeline.sources.simulator.promotions import flat_ends
from scenerank.pipeline.sources.simulator.scenarios import Scenarios
from scenerank.pipeline.sources.simulator.settings import Settings
from scenerank.pipeline.sources.simulator.trips import Trips

PRICE_GAP = 0.13
"""Weight of the squared distance between an item's price level and the user's budget."""
FARTHEST = 6.0
"""Squared distances count up to this."""
PURPOSE_SHIFT = 0.8
"""How much a trip's purpose shifts the taste for categories and places."""
DESTINATION_SHIFT = 0.9
"""How much likelier items of the planned destination are (log odds)."""
CLICKED_ITEM, CLICKED_PLACE, BOUGHT_ITEM = 0.4, 0.2, 0.5
"""Log odds of a click on what was clicked lately, on another item of its destination, on what was bought before."""
PURCHASE, PURCHASE_TASTE, BOUGHT_AGAIN, LOOKED_AT = -2.8, 0.5, 1.6, 0.5
"""Log odds of a purchase after a click: level, weight of the preference, bought before, clicked before."""


@dataclasses.dataclass(frozen=True)
class Memory:
    """What users did on earlier days, newest last; -1 where there is nothing.

    Attributes:
      clicked: int32 `[U, 6]` items; bought: int32 `[U, 4]` items.
    """

    clicked: np.ndarray
    bought: np.ndarray

    @classmethod
    def empty(cls, users: int) -> Memory:
        """Makes the memory of users who did nothing yet."""
        return cls(np.full((users, 6), -1, np.int32), np.full((users, 4), -1, np.int32))

    def recall(self, rng: np.random.Generator, user: np.ndarray, count: int) -> np.ndarray:
        """Recent items of each user in random order, -1 for none: int32 `[len(user), count]`."""
        both = np.concatenate([self.clicked[:, -2:], self.bought[:, -1:]], axis=1)
        return both[user[:, None], rng.integers(0, both.shape[1], (len(user), count))]

    def after(self, user: np.ndarray, item: np.ndarray, click: np.ndarray, purchase: np.ndarray) -> Memory:
        """The memory with a day's events, which are in order of time, added."""
        return Memory(
            _append(self.clicked, user[click], item[click]), _append(self.bought, user[purchase], item[purchase])
        )


def _append(rows: np.ndarray, user: np.ndarray, item: np.ndarray) -> np.ndarray:
    """Shifts each user's new items into its row from the right."""
    active = np.unique(user)
    width = rows.shape[1]
    users = np.concatenate([np.repeat(active, width), user])
    items = np.concatenate([rows[active].ravel(), item])
    order = np.argsort(users, kind="stable")
    users, items = users[order], items[order]
    from_end = np.searchsorted(users, users, side="right") - np.arange(len(users)) - 1
    kept = from_end < width
    out = rows.copy()
    out[users[kept], width - 1 - from_end[kept]] = items[kept]
    return out


@dataclasses.dataclass(frozen=True)
class World:
    """Everything that does not change from day to day.

    Attributes:
      ends: float64 `[S * N]`, see `flat_ends`, of what retrieval proposes.
      level: float32 `[S]`, log odds that give each scenario its click rate.
      position_bias, badge_lift: see `Settings`.
    """

    scenarios: Scenarios
    catalogue: Catalogue
    population: Population
    ends: np.ndarray
    level: np.ndarray
    position_bias: float
    badge_lift: float

    @classmethod
    def build(cls, settings: Settings) -> World:
        """A world whose scenarios' levels are all 0; `calibrate` sets them."""
        scenarios = Scenarios.build(settings)
        catalogue = Catalogue.build(settings, scenarios)
        population = Population.build(settings, scenarios)
        level = np.zeros(len(scenarios), np.float32)
        ends = flat_ends(catalogue.exposure)
        return cls(scenarios, catalogue, population, ends, level, settings.position_bias, settings.badge_lift)

    def preference(self, user: np.ndarray, scenario: np.ndarray, item: np.ndarray) -> np.ndarray:
        """Lasting preference, in log odds, float32; the arguments broadcast to its shape."""
        goods, people = self.catalogue, self.population
        category = goods.category[item]
        value = goods.appeal.ravel()[scenario * len(goods) + item]
        value += people.category_taste.ravel()[user * people.category_taste.shape[1] + category]
        places = people.destination_taste.shape[1]
        value += people.destination_taste.ravel()[user * places + goods.destination[item]]
        _, ages, categories = people.theme_taste.shape
        page = (self.scenarios.theme[scenario] * ages + people.age[user]) * categories
        value += people.theme_taste.ravel()[page + category]
        gap = goods.level[item] - people.budget[user]
        return value - np.float32(PRICE_GAP) * np.minimum(gap * gap, np.float32(FARTHEST))

    def utility(
        self, user: np.ndarray, scenario: np.ndarray, item: np.ndarray, trips: Trips, memory: Memory
    ) -> np.ndarray:
        """Preference of the day: with the trip in mind and what happened before; float32, one entry a row."""
        goods = self.catalogue
        destination = goods.destination[item]
        value = self.preference(user, scenario, item)
        purpose = trips.purpose[user]
        wanted = PURPOSE_APPEAL[purpose, goods.category[item]] + PURPOSE_PLACE[purpose, destination]
        value += np.float32(PURPOSE_SHIFT) * wanted
        value += np.float32(DESTINATION_SHIFT) * ((purpose > 0) & (trips.destination[user] == destination))
        clicked = memory.clicked[user]
        again = (clicked == item[:, None]).any(axis=1)
        place = np.where(clicked >= 0, goods.destination[clicked], -1)
        near = (place == destination[:, None]).any(axis=1) & ~again
        bought = (memory.bought[user] == item[:, None]).any(axis=1)
        return value + (np.float32(CLICKED_ITEM) * again + np.float32(CLICKED_PLACE) * near
                        + np.float32(BOUGHT_ITEM) * bought)  # fmt: skip

    def click(self, scenario: np.ndarray, utility: np.ndarray) -> np.ndarray:
        """Click probability at the reference, float32."""
        return sigmoid(self.level[scenario] + utility)

    def logged(self, scenario: np.ndarray, utility: np.ndarray, place: np.ndarray, badge: np.ndarray) -> np.ndarray:
        """Click probability of items as they are shown, float32: `examined(place) * sigmoid(level + utility + lift)`.

        Args:
          place: from 0; badge: bool, whether a promotion put the item there.
        """
        lift = np.float32(self.badge_lift) * badge
        return examined(place, self.position_bias) * sigmoid(self.level[scenario] + utility + lift)

    def purchase(self, user: np.ndarray, item: np.ndarray, utility: np.ndarray, memory: Memory) -> np.ndarray:
        """Probability that a click leads to a purchase, float32; what was bought before is bought again."""
        bought = (memory.bought[user] == item[:, None]).any(axis=1)
        seen = (memory.clicked[user] == item[:, None]).any(axis=1)
        return sigmoid(PURCHASE + PURCHASE_TASTE * utility + BOUGHT_AGAIN * bought + LOOKED_AT * seen)


def sigmoid(x: np.ndarray) -> np.ndarray:
    """`1 / (1 + exp(-x))`, float32."""
    return (1 / (1 + np.exp(-x))).astype(np.float32)


def levels(scenario: np.ndarray, utility: np.ndarray, seen: np.ndarray, click_rate: np.ndarray) -> np.ndarray:
    """Log odds per scenario that make the mean click probability of sample rows the wanted one, by Newton steps.

    Args:
      scenario: int32 `[B]`, every scenario at least once; utility: float32 `[B]`; seen: float32 `[B]`, probability
        that the row is examined; click_rate: float64 `[S]`, below the scenario's mean of `seen`.

    Returns:
      float32 `[S]`.
    """
    count = np.bincount(scenario, minlength=len(click_rate))
    level = np.log(click_rate) - np.log(np.bincount(scenario, seen * np.exp(utility)) / count)
    for _ in range(20):
        p = 1 / (1 + np.exp(-(level[scenario] + utility)))
        mean = np.bincount(scenario, seen * p) / count
        slope = np.bincount(scenario, seen * p * (1 - p)) / count
        level = level + np.clip((click_rate - mean) / slope, -1, 1)
    return level.astype(np.float32)
