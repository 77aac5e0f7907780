"""Simulates a platform day by day into a workspace."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import datetime
import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from scenerank.components.workspace import Workspace
from scenerank.pipeline.sources.simulator import exposure, tables, traffic
from scenerank.pipeline.sources.simulator.presentation import examined
from scenerank.pipeline.sources.simulator.promotions import Campaign, is_promoted
from scenerank.pipeline.sources.simulator.rankers import WINDOW, Clicks, Ranker, ranker
from scenerank.pipeline.sources.simulator.settings import Settings
from scenerank.pipeline.sources.simulator.trips import Trips
from scenerank.pipeline.sources.simulator.truth import Memory, World, levels

BLOCK = 32768
"""Requests of a part file."""
THREADS = 2
SAMPLE = 16000
"""Requests that the scenarios' levels are fitted on, shared out evenly."""


def simulate(workspace: str, progress: Callable[[str, float], None] | None = None, **arguments: Any) -> None:
    """Writes the logs of a travel platform, and beside them the truth.

    Per day: `logs/day=D/part-*.parquet` as `schemas/simulator_flagged.yaml` declares; `truth/day=D/`, row by row
    beside the logs: request_id, item_id, probability (of a click at the top of the page, without a badge),
    logged_probability (of a click as the item was shown), boosted (put there by a promotion), campaign (the item is
    under promotion in that scenario), purpose (of the user's trip); `unbiased/day=D/`, the same requests with items
    drawn uniformly and each shown alone, at the top and without a badge, so that its clicks speak of relevance alone,
    and `truth_unbiased/day=D/` beside it. `truth/simulation.json` holds the arguments. A day replaces what the
    workspace has of it as a whole. The same arguments give the same bytes, and a day does not depend on how many
    follow.

    Args:
      workspace: its URI.
      progress: called with what was done and the fraction of all work done, 0 to 1.
      arguments: of `Settings`.

    Raises:
      ConfigurationError: an argument out of bounds.
    """
    settings = Settings(**arguments)
    days = settings.days
    tell = progress or (lambda message, fraction: None)
    space = Workspace(workspace)
    world, trips = prepare(settings)
    tell(f"made {settings.users} users, {settings.items} items and {settings.scenarios} scenarios", 1 / (days + 1))
    described = dataclasses.asdict(settings)
    described["promoted_days"] = [
        settings.date(d) for d in range(days) if is_promoted(d) and settings.promotion_strength > 0
    ]
    space.write_text(space.uri("truth", "simulation.json"), json.dumps(described, indent=1))
    memory = Memory.empty(settings.users)
    clicks: list[Clicks] = []
    for day in range(days):
        trips = trips.next_day(settings.stream("trips", day), world.population)
        score_of = ranker(world, settings.ranker, clicks)
        user, scenario, item, click, purchase = _day(space, settings, world, trips, memory, score_of, day)
        memory = memory.after(user, item, click, purchase)
        clicks = [*clicks, Clicks(user, scenario, item, click)][-WINDOW:]
        tell(f"simulated {settings.date(day)}", (day + 2) / (days + 1))


def prepare(settings: Settings) -> tuple[World, Trips]:
    """The world and the trips it opens with.

    Its scenarios are brought to their click rates on what is logged of an ordinary first day; another ranker's pages
    have others.
    """
    world = World.build(settings)
    trips = Trips.before_first_day(settings, world.population)
    memory = Memory.empty(len(world.population))
    rng = settings.stream("levels")
    count = len(world.scenarios)
    scenario = np.repeat(np.arange(count, dtype=np.int32), int(np.clip(SAMPLE // count, 100, 2000)))
    user = traffic.visitors(rng, scenario, world.population, trips)
    depth = traffic.depths(rng, len(scenario) * traffic.DEEPEST)[: len(scenario)]
    zero = np.zeros(len(scenario), np.int64)
    sample = traffic.Requests(np.arange(len(scenario)), user, scenario, zero, depth, *trips.forms(rng, user).columns)
    slates = exposure.ordinary(rng, world, memory, sample, world.preference)
    shown = np.arange(traffic.DEEPEST) < depth[:, None]
    row, place = np.nonzero(shown)
    utility = world.utility(user[row], scenario[row], slates[shown], trips, memory)
    seen = examined(place, world.position_bias)
    return dataclasses.replace(world, level=levels(scenario[row], utility, seen, world.scenarios.click_rate)), trips


def _day(
    space: Workspace, settings: Settings, world: World, trips: Trips, memory: Memory, score_of: Ranker, day: int
) -> Iterator[np.ndarray]:
    """Simulates and publishes one day; returns user, scenario, item, click and purchase of its log, `[B]` each."""
    date = settings.date(day)
    midnight = int(datetime.datetime.fromisoformat(date).replace(tzinfo=datetime.timezone.utc).timestamp() * 1000)
    visits = traffic.requests(
        settings.stream("traffic", day),
        settings.impressions_per_day,
        world.scenarios,
        world.population,
        trips,
    )
    campaign = Campaign.of(settings, world.catalogue, day)
    aside = dict.fromkeys(("truth", "unbiased", "truth_unbiased", "logs"), f"_aside-{date}")
    for name, folder in aside.items():
        space.delete(space.uri(name, folder))
        space.fs.create_dir(space.path(space.uri(name, folder)), recursive=True)

    def write(part: int, requests: traffic.Requests, biased: bool) -> tuple[np.ndarray, ...]:
        rng = settings.stream("exposure" if biased else "uniform", day, part)
        pushed = None
        if biased:
            slates = exposure.ordinary(rng, world, memory, requests, score_of)
            if campaign is not None:
                slates, pushed = exposure.promote(settings.stream("promotion", day, part), campaign, requests, slates)
        else:
            slates = exposure.uniform(rng, len(world.catalogue), len(requests))
        rows = tables.Rows.of(world, trips, memory, requests, slates, pushed, one_by_one=not biased)
        click, purchase = rows.outcomes(settings.stream("outcomes" if biased else "uniform outcomes", day, part))
        log = tables.log(world, requests, rows, click, purchase, date, midnight)
        truth = tables.truth(world, log, rows, trips, campaign if biased else None)
        for name, table in (("logs" if biased else "unbiased", log), ("truth" if biased else "truth_unbiased", truth)):
            tables.write(space, space.uri(name, aside[name], f"part-{part:05d}.parquet"), table)
        return rows.user, rows.scenario, rows.item, click, purchase

    blocks = visits.blocks(BLOCK)
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        jobs = [pool.submit(write, part, block, True) for part, block in enumerate(blocks)]
        others = [pool.submit(write, part, block, False) for part, block in enumerate(blocks)]
        events = [job.result() for job in jobs]
        for other in others:
            other.result()
    # The logs come last: a day that has logs has its truth.
    for name, folder in aside.items():
        tables.publish(space, space.uri(name, folder), space.uri(name, f"day={date}"))
    return (np.concatenate(column) for column in zip(*events))
