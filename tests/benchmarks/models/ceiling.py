"""How much of the simulator's truth can be known from its logs: a measure for the models' share of the oracle's AUC."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import scipy.sparse
from sklearn.linear_model import LogisticRegression

from scenerank.components.workspace import Workspace
from scenerank.pipeline.compare.data_sets import DATA_SETS
from scenerank.pipeline.simulated.truth import share_of_oracle
from scenerank.pipeline.sources.simulator.catalogue import PLACE_KIND
from scenerank.pipeline.sources.simulator.oracle import auc, oracle_auc, read
from scenerank.pipeline.sources.simulator.population import Population
from scenerank.pipeline.sources.simulator.settings import Settings
from scenerank.pipeline.sources.simulator.simulate import prepare
from scenerank.pipeline.sources.simulator.trips import Trips
from scenerank.pipeline.sources.simulator.truth import Memory, World
from tests.benchmarks.models._bench import bench

PRICE_LEVELS = 20
WIDEST = 1 << 16
"""Above any index that is crossed with another."""


class Day(NamedTuple):
    """A day's impressions `[B]`, what users had done before it, and the trips that they plan on it.

    `form` is a number for about what the search form said.
    """

    user: np.ndarray
    item: np.ndarray
    scenario: np.ndarray
    click: np.ndarray
    place: np.ndarray
    promoted: np.ndarray
    form: np.ndarray
    memory: Memory
    trips: Trips


def ceiling() -> Iterator[tuple[str, float | None]]:
    """Of the truth without what no log tells (users' own tastes, where their trips go; the purposes nearly show), and
    of a ridge regression that is given the truth's form: it is additive in log odds, and so are place and badge as long
    as clicks are rare. Both rank the last day as models do, knowing neither place nor badge."""
    workspace = f"{bench('simulator').out}/workspace"
    world, days = _replay(workspace)
    last, oracle = days[-1], oracle_auc(workspace, DATA_SETS["simulator"].day)["overall"]
    known = dataclasses.replace(world, population=_without_own_tastes(world.population))
    somewhere = dataclasses.replace(last.trips, destination=np.full_like(last.trips.destination, -1))
    utility = known.utility(last.user, last.scenario, last.item, somewhere, last.memory)
    told = auc(last.click, world.level[last.scenario] + utility)
    yield "oracle_share_of_known_truth", share_of_oracle(told, oracle)
    yield "oracle_share_of_ridge", share_of_oracle(auc(last.click, _ridge(world, days)), oracle)


def _replay(workspace: str) -> tuple[World, list[Day]]:
    """The world and all simulated days."""
    space = Workspace(workspace)
    told = space.read_json(space.uri("truth", "simulation.json"))
    del told["promoted_days"]
    settings = Settings(**told)
    world, trips = prepare(settings)
    names = (world.population.ids, world.catalogue.ids, world.scenarios.ids)
    memory, days = Memory.empty(len(world.population)), []
    for day in range(settings.days):
        trips = trips.next_day(settings.stream("trips", day), world.population)
        log = read(space, "logs", settings.date(day))
        columns = zip(("user_id", "item_id", "scenario_id"), names)
        user, item, scenario = (np.searchsorted(ids, log[c].to_numpy().astype(str)) for c, ids in columns)
        click, purchase = (log[c].to_numpy().astype(bool) for c in ("is_click", "is_purchase"))
        place, promoted = (log[c].to_numpy() for c in ("position", "promoted"))
        days.append(Day(user, item, scenario, click, place, promoted, _form(log), memory, trips))
        memory = memory.after(user, item, click, purchase)
    return world, days


def _form(log: pa.Table) -> np.ndarray:
    """One number for lead time, nights and party in a few classes each, int64 `[B]`."""
    edges = {"lead_days": (1, 2, 10, 20, 30), "stay_nights": (2, 3, 4, 6), "party_size": (2, 3)}
    classes = [np.digitize(log[name].to_numpy(), bounds) for name, bounds in edges.items()]
    return np.ravel_multi_index(classes, [len(bounds) + 1 for bounds in edges.values()])


def _without_own_tastes(people: Population) -> Population:
    """Users with the mean tastes of those who have the same attributes."""

    def mean(values: np.ndarray, *attributes: np.ndarray) -> np.ndarray:
        _, group, count = np.unique(np.stack(attributes), axis=1, return_inverse=True, return_counts=True)
        group = group.ravel()
        sums = np.stack([np.bincount(group, column) for column in values.reshape(len(values), -1).T], 1)
        return (sums / count[:, np.newaxis])[group].reshape(values.shape).astype(np.float32)

    return dataclasses.replace(
        people,
        category_taste=mean(people.category_taste, people.age, people.level),
        destination_taste=mean(people.destination_taste, people.region, people.age),
        budget=mean(people.budget, people.level, people.age),
    )


def _ridge(world: World, days: list[Day]) -> np.ndarray:
    """Log odds on the last day, float64 `[B]`, of a logistic regression on the days before."""
    at_reference = days[-1]._replace(place=0 * days[-1].place, promoted=0 * days[-1].promoted)
    columns = [_crosses(world, day) for day in (*days[:-1], at_reference)]
    trained, tested = [], []
    for name, (_, scale) in columns[0].items():
        values = np.concatenate([day[name][0] for day in columns[:-1]])
        unique, index = np.unique(values, return_inverse=True)
        new = columns[-1][name][0]
        place = np.minimum(np.searchsorted(unique, new), len(unique) - 1)
        trained.append(_one_hot(index, np.full(len(index), scale), len(unique)))
        tested.append(_one_hot(place, np.where(unique[place] == new, scale, 0), len(unique)))
    click = np.concatenate([day.click for day in days[:-1]])
    model = LogisticRegression(max_iter=60).fit(scipy.sparse.hstack(trained).tocsr(), click)
    return model.decision_function(scipy.sparse.hstack(tested).tocsr())


def _one_hot(index: np.ndarray, value: np.ndarray, width: int) -> scipy.sparse.csr_matrix:
    return scipy.sparse.csr_matrix((value.astype(np.float32), (np.arange(len(index)), index)), (len(index), width))


def _crosses(world: World, day: Day) -> dict[str, tuple[np.ndarray, float]]:
    """Combinations that the truth adds up: integers `[B]`, and about how far their effects spread (log odds)."""
    people, goods, user, item = world.population, world.catalogue, day.user, day.item
    theme, age = world.scenarios.theme[day.scenario], people.age[user]
    category, place = goods.category[item], goods.destination[item]
    price = np.digitize(goods.level, np.quantile(goods.level, np.arange(1, PRICE_LEVELS) / PRICE_LEVELS))[item]
    clicked = day.memory.clicked[user]
    places = np.where(clicked >= 0, goods.destination[clicked], -1)

    def cross(*columns: np.ndarray) -> np.ndarray:
        return functools.reduce(lambda a, b: a.astype(np.int64) * WIDEST + b, columns)

    level, kind = people.level[user], PLACE_KIND[place]
    return {
        "place on the page": (day.place, 1.0),
        "promoted": (day.promoted, 1.0),
        "scenario": (day.scenario, 1.0),
        "item": (item, 0.3),
        "place": (place, 0.5),
        "price": (price, 0.5),
        **{name: (cross(theme, x), 0.5) for name, x in {"theme category": category, "theme kind": kind}.items()},
        "age category": (cross(age, category), 0.5),
        "age kind": (cross(age, kind), 0.5),
        "level category": (cross(level, category), 0.5),
        "region place": (cross(people.region[user], place), 0.5),
        "theme age category": (cross(theme, age, category), 0.3),
        **{f"price {name}": (cross(price, x), 0.3) for name, x in {"level": level, "age": age, "theme": theme}.items()},
        "form category": (cross(day.form, category), 0.5),
        "form kind": (cross(day.form, kind), 0.3),
        "user category": (cross(user, category), 0.22),
        "user place": (cross(user, place), 0.25),
        "clicked": ((clicked == item[:, np.newaxis]).sum(1), 0.5),
        "clicked place": ((places == place[:, np.newaxis]).sum(1), 0.5),
    }


FIGURES = {"oracle_share_of_known_truth": ceiling, "oracle_share_of_ridge": ceiling}
