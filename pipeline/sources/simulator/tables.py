"""Impressions as Arrow tables, and their way into the workspace."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from scenerank.components.workspace import Workspace
from scenerank.pipeline.sources.simulator.catalogue import CATEGORIES, DESTINATIONS, PURPOSES
from scenerank.pipeline.sources.simulator.population import AGE_BANDS, REGIONS
from scenerank.pipeline.sources.simulator.promotions import Campaign
from scenerank.pipeline.sources.simulator.scenarios import THEMES
from scenerank.pipeline.sources.simulator.traffic import Requests
from scenerank.pipeline.sources.simulator.trips import Trips
from scenerank.pipeline.sources.simulator.truth import Memory, World
from scenerank.schemas import load_declaration

HOUR_MS = 3_600_000
TRUTH = pa.schema(
    [
        pa.field("request_id", pa.string(), nullable=False),
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("probability", pa.float32(), nullable=False),
        pa.field("logged_probability", pa.float32(), nullable=False),
        pa.field("boosted", pa.bool_(), nullable=False),
        pa.field("campaign", pa.bool_(), nullable=False),
        pa.field("purpose", pa.string(), nullable=False),
    ]
)


@dataclasses.dataclass(frozen=True)
class Rows:
    """Impressions in order of time; arrays of length B.

    Attributes:
      request: int64, row of the requests; position: int64, place on the page.
      user, scenario, item: int32.
      boosted: bool, put there by a promotion.
      reference: float32, click probability at the top of the page without a badge; click: as shown.
      purchase: float32, probability of a purchase after a click.
    """

    request: np.ndarray
    position: np.ndarray
    user: np.ndarray
    scenario: np.ndarray
    item: np.ndarray
    boosted: np.ndarray
    reference: np.ndarray
    click: np.ndarray
    purchase: np.ndarray

    @classmethod
    def of(
        cls,
        world: World,
        trips: Trips,
        memory: Memory,
        requests: Requests,
        slates: np.ndarray,
        pushed: np.ndarray | None,
        one_by_one: bool = False,
    ) -> Rows:
        """The shown part of slates with their truth.

        Args:
          slates: int32 `[R, P]`; pushed: bool `[R, P]`, put there by a promotion, or None for none.
          one_by_one: each item is shown alone, so that all have place 0.
        """
        request, position = np.nonzero(np.arange(slates.shape[1]) < requests.depth[:, None])
        user, scenario, item = requests.user[request], requests.scenario[request], slates[request, position]
        boosted = np.zeros(len(item), bool) if pushed is None else pushed[request, position]
        utility = world.utility(user, scenario, item, trips, memory)
        if one_by_one:
            position = np.zeros_like(position)
        return cls(
            request,
            position,
            user,
            scenario,
            item,
            boosted,
            reference=world.click(scenario, utility),
            click=world.logged(scenario, utility, position, boosted),
            purchase=world.purchase(user, item, utility, memory),
        )

    def outcomes(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Draws clicks and purchases, bool `[B]` each; no purchase without a click."""
        click = rng.random(len(self.item), np.float32) < self.click
        return click, click & (rng.random(len(self.item), np.float32) < self.purchase)


@functools.cache
def log_schema() -> pa.Schema:
    """Of both declarations of the logs the one that names all columns."""
    return load_declaration("simulator_flagged").log_schema


def log(
    world: World, requests: Requests, rows: Rows, click: np.ndarray, purchase: np.ndarray, date: str, midnight: int
) -> pa.Table:
    """The native log.

    Args:
      date: ISO date; midnight: its first millisecond since 1970-01-01 UTC.
    """
    people, goods, pages = world.population, world.catalogue, world.scenarios
    prefix = date.replace("-", "")
    names = [f"r{prefix}-{number:08d}" for number in requests.number.tolist()]
    time = requests.time[rows.request]
    columns = {
        "request_id": _strings(names, rows.request),
        "time_ms": midnight + time,
        "scenario_id": _strings(pages.ids, rows.scenario),
        "scenario_theme": _strings(THEMES, pages.theme[rows.scenario]),
        "user_id": _strings(people.ids, rows.user),
        "age_band": _strings(AGE_BANDS, people.age[rows.user]),
        "home_region": _strings(REGIONS, people.region[rows.user]),
        "member_level": people.level[rows.user].astype(np.int64),
        "item_id": _strings(goods.ids, rows.item),
        "category": _strings(list(CATEGORIES), goods.category[rows.item]),
        "destination": _strings(list(DESTINATIONS), goods.destination[rows.item]),
        "price": goods.price[rows.item],
        "hour": time // HOUR_MS,
        "lead_days": requests.lead[rows.request],
        "stay_nights": requests.nights[rows.request],
        "party_size": requests.party[rows.request],
        "position": rows.position,
        "promoted": rows.boosted.astype(np.int64),
        "is_click": click.astype(np.int64),
        "is_purchase": purchase.astype(np.int64),
    }
    schema = log_schema()
    return pa.Table.from_pydict({name: columns[name] for name in schema.names}, schema=schema)


def truth(world: World, log: pa.Table, rows: Rows, trips: Trips, campaign: Campaign | None) -> pa.Table:
    """What only the simulator knows, row by row beside `log`."""
    none = np.zeros(len(rows.item), bool)
    return pa.Table.from_arrays(
        [
            log["request_id"],
            log["item_id"],
            pa.array(rows.reference),
            pa.array(rows.click),
            pa.array(rows.boosted),
            pa.array(none if campaign is None else campaign.pairs[rows.scenario, rows.item]),
            _strings(PURPOSES, trips.purpose[rows.user]),
        ],
        schema=TRUTH,
    )


def _strings(values: object, index: np.ndarray) -> pa.Array:
    return pa.array(values, pa.string()).take(pa.array(index))


def write(space: Workspace, uri: str, table: pa.Table) -> None:
    """Writes a Parquet file."""
    with space.fs.open_output_stream(space.path(uri)) as stream:
        pq.write_table(table, stream)


def publish(space: Workspace, aside: str, target: str) -> None:
    """Replaces the folder `target` by `aside`; on a disk by renaming, on an object store file by file."""
    space.delete(target)
    if space.fs.type_name in ("local", "hdfs"):
        space.fs.move(space.path(aside), space.path(target))
        return
    space.fs.create_dir(space.path(target), recursive=True)
    for info in space.list(aside):
        space.fs.move(info.path, f"{space.path(target)}/{info.base_name}")
    space.delete(aside)
