"""Rankers of the platform: what an ordinary page is ordered by, before chance has its say.

`taste` knows users' lasting preferences as an excellent model would. `logged` knows what the logs of the days before
say and takes them as they are: what stood on top or had a badge was clicked more often and is shown again, so that
places and promotions feed back into what is shown.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from scenerank.pipeline.sources.simulator.population import AGE_BANDS, REGIONS
from scenerank.pipeline.sources.simulator.scenarios import THEMES
from scenerank.pipeline.sources.simulator.truth import World

WINDOW = 7
"""Days of logs that a ranker learns from."""
PRIOR = 10.0
"""Expected clicks at which an effect is believed by half."""
PASSES = 2
BOLDNESS = 2.0
"""Estimated effects are shrunken: so many times, they spread about as widely as tastes do after some days."""

Ranker = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""Score of users in scenarios for items, float32, in log odds or log rates; the arguments broadcast to its shape."""
Key = tuple[np.ndarray, int]
"""Whole numbers, and what they lie below."""


@dataclasses.dataclass(frozen=True)
class Clicks:
    """A day's impressions as the logs have them, `[B]`: int32, and `click` bool."""

    user: np.ndarray
    scenario: np.ndarray
    item: np.ndarray
    click: np.ndarray


def ranker(world: World, name: str, days: Sequence[Clicks]) -> Ranker:
    """The ranker of a day.

    Args:
      name: `taste` or `logged`, which is `taste` as long as there are no logs.
      days: that came before, oldest first.
    """
    if name == "taste" or not days:
        return world.preference
    user, scenario, item, click = (
        np.concatenate([getattr(day, field.name) for day in days[-WINDOW:]]) for field in dataclasses.fields(Clicks)
    )
    # That scenarios differ in their click rates says nothing of items: the first table is not needed.
    _, *tables = effects([(scenario, len(world.scenarios)), *_keys(world, user, scenario, item)], click)

    def score(user: np.ndarray, scenario: np.ndarray, item: np.ndarray) -> np.ndarray:
        found = (table[key] for table, (key, _) in zip(tables, _keys(world, user, scenario, item)))
        return np.float32(BOLDNESS) * sum(found)

    return score


def effects(keys: Sequence[Key], click: np.ndarray) -> list[np.ndarray]:
    """Additive effects of several keys on the log click rate, each fitted to what the others leave.

    With c the clicks of a key's value and e those that everything else lets expect, its effect is
    `log((c + PRIOR) / (e + PRIOR))`, the posterior mean of a factor that is Gamma distributed around 1.

    Args:
      keys: of `[B]`; click: bool `[B]`.

    Returns:
      A table float32 of each key; 0 for values that never occurred.
    """
    tables = [np.zeros(size) for _, size in keys]
    expected = np.full(len(click), click.mean())
    for _ in range(PASSES):
        for place, (key, size) in enumerate(keys):
            others = expected * np.exp(-tables[place])[key]
            clicks, due = np.bincount(key, click, size), np.bincount(key, others, size)
            tables[place] = np.log((clicks + PRIOR) / (due + PRIOR))
            expected = others * np.exp(tables[place])[key]
    return [table.astype(np.float32) for table in tables]


def _keys(world: World, user: np.ndarray, scenario: np.ndarray, item: np.ndarray) -> list[Key]:
    """What the logged ranker knows; the arguments broadcast to the shape of its keys."""
    people, goods, pages = world.population, world.catalogue, world.scenarios
    category = (goods.category[item], people.category_taste.shape[1])
    place = (goods.destination[item], people.destination_taste.shape[1])
    visitor, page, offer = (user, len(people)), (scenario, len(pages)), (item, len(goods))
    age, region = (people.age[user], len(AGE_BANDS)), (people.region[user], len(REGIONS))
    theme = (pages.theme[scenario], len(THEMES))
    return [
        offer,
        _cross(page, category),
        _cross(theme, age, category),
        _cross(region, place),
        _cross(page, offer),
        _cross(visitor, category),
        _cross(visitor, place),
    ]


def _cross(*keys: Key) -> Key:
    crossed, width = keys[0]
    for key, size in keys[1:]:
        crossed, width = crossed * size + key, width * size
    return crossed, width
