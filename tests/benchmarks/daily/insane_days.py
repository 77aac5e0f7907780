"""Days that are not whole or not sane, beside sane ones: which of them the checks stop.

Days are simulated, profiled and compared by the product's own code; nothing is trained.
"""

from __future__ import annotations

import pathlib
import sys
import tempfile
from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from scenerank.components.day_profile.tally import Tally
from scenerank.components.log_example_gen.checking.checks import check
from scenerank.components.profile_validator.rules import findings
from scenerank.components.profile_validator.settings import ProfileLimits
from scenerank.components.profile_validator.usual import measured, usuals
from scenerank.components.records.profile import Finding, Profile
from scenerank.components.workspace import shift
from scenerank.pipeline.sources.simulator import simulate
from scenerank.schemas import load_declaration

START = "2024-03-01"
ROWS = 20_000
SANE = 20
BATCH = 65_536
DECLARATION = load_declaration("simulator")
LIMITS = ProfileLimits()

Spoil = Callable[[pa.Table], pa.Table]


def with_column(rows: pa.Table, name: str, values: pa.Array) -> pa.Table:
    """The rows with other values in a column."""
    return rows.set_column(rows.schema.get_field_index(name), name, values)


def tenth(rows: pa.Table) -> pa.Table:
    """One row of ten, from all over the day."""
    return rows.take(pa.array(np.arange(0, rows.num_rows, 10)))


def three_hours(rows: pa.Table) -> pa.Table:
    """The day until three o'clock."""
    return rows.filter(pc.less(rows["hour"], 3))


def clicks_lost(rows: pa.Table) -> pa.Table:
    """92 % of the clicks are not there."""
    kept = np.random.default_rng(0).random(rows.num_rows) < 0.08
    return with_column(rows, "is_click", pa.array(rows["is_click"].to_numpy() * kept))


def cents(rows: pa.Table) -> pa.Table:
    """Prices in another unit."""
    return with_column(rows, "price", pc.multiply(rows["price"], pa.scalar(100.0, pa.float32())))


def renamed(rows: pa.Table) -> pa.Table:
    """Items under names of another kind."""
    return with_column(rows, "item_id", pc.binary_join_element_wise("sku-", rows["item_id"], ""))


INSANE: tuple[Spoil, ...] = (tenth, three_hours, clicks_lost, cents, renamed)


def profile(rows: pa.Table, day: str) -> Profile:
    """As ingestion makes it."""
    batches = rows.combine_chunks().to_batches(BATCH)
    checked = (check(batch, DECLARATION, day, "log", np.arange(batch.num_rows)) for batch in batches)
    return Tally.merged(Tally.of(one.good, DECLARATION) for one in checked).profile(day)


def found(today: Profile, before: list[Profile]) -> list[Finding]:
    """As ProfileValidator finds it."""
    *days, day = measured([*before[-LIMITS.usual_days :], today])
    return findings(day, usuals(today.day, days), LIMITS)


def insane_days() -> Iterator[tuple[str, str]]:
    """Twenty days after the first few, and the last of them spoiled in five ways."""
    days = [shift(START, number) for number in range(LIMITS.least_days + SANE)]
    with tempfile.TemporaryDirectory() as folder:
        simulate(folder, days=len(days), impressions_per_day=ROWS, start_day=START)
        logs = {day: _read(folder, day) for day in days}
    profiles = [profile(logs[day], day) for day in days]
    stopped = 0
    for place in range(LIMITS.least_days, len(days)):
        told = found(profiles[place], profiles[:place])
        stopped += bool(told)
        for finding in told:
            print(f"  {days[place]}: {finding.measure}: {finding.description}", file=sys.stderr)
    yield "sane_days_stopped", f"{stopped} of {SANE}"
    caught = 0
    for spoil in INSANE:
        told = found(profile(spoil(logs[days[-1]]), days[-1]), profiles[:-1])
        caught += bool(told)
        for finding in told:
            print(f"  {spoil.__name__}: {finding.measure}: {finding.description}", file=sys.stderr)
    yield "insane_days_stopped", f"{caught} of {len(INSANE)}"


def _read(workspace: str, day: str) -> pa.Table:
    files = sorted(pathlib.Path(workspace, "logs", f"day={day}").glob("*.parquet"))
    return pa.concat_tables(pq.ParquetFile(file).read() for file in files)


FIGURES = dict.fromkeys(("sane_days_stopped", "insane_days_stopped"), insane_days)
