"""The data half of a plan on the terminal."""

from __future__ import annotations

import dataclasses

from rich.console import Console
from rich.table import Table

from scenerank.components.workspace import Workspace
from scenerank.errors import ConfigurationError
from scenerank.pipeline.config import Config
from scenerank.pipeline.plan import data
from scenerank.pipeline.plan.measured import RowBytes, Run, Stored, lookback, read_run, row_bytes, stored

UNITS = (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3))


@dataclasses.dataclass(frozen=True)
class Planned:
    """What was measured of a run, and of a smaller one, and what that comes to at another scale."""

    run: Run
    small: Run | None
    cost: dict[str, data.Line]
    rows: RowBytes
    kept: Stored
    days: data.Days
    found: data.Estimate


def planned(
    config: Config, root: str, day: str | None, small_root: str | None, scale: data.Scale, budget: data.Budget
) -> Planned:
    """Measures a day of the workspace, and estimates what one at `scale` needs.

    Args:
      root, small_root: workspaces of the measured run, and of a smaller one of the same configuration.

    Raises:
      ConfigurationError: no number of partitions fits into a worker's memory.
      DataError: the day was not run.
    """
    workspace, declaration = Workspace(root), config.declared
    run = read_run(workspace, declaration, day)
    small = read_run(Workspace(small_root), declaration, None) if small_root else None
    rows = row_bytes(workspace, declaration, run.day, config.ingest.batch_rows)
    kept = stored(workspace, declaration, run.day)
    days = data.Days(
        lookback=lookback(declaration),
        history=declaration.history.days if declaration.history else 0,
        rated=declaration.rates.days if declaration.rates else 0,
        train=config.window.days - config.window.validation_days,
        length=declaration.history.length if declaration.history else 0,
    )
    cost = data.lines(run, small)
    try:
        found = data.estimate(scale, cost, rows, kept, days, run.models, budget)
    except ValueError as error:
        raise ConfigurationError(str(error)) from None
    return Planned(run, small, cost, rows, kept, days, found)


def print_data(console: Console, scale: data.Scale, plan: Planned) -> None:
    """Prints what was measured, what each component needs, and what lies on disks."""
    _print_measured(console, plan.run, plan.small, plan.cost, plan.rows, plan.kept)
    _print_steps(console, scale, plan.found)
    _print_sizes(console, scale, plan.rows, plan.kept, plan.found, plan.days)
    console.print("\nassumptions")
    for line in data.ASSUMPTIONS:
        console.print(f"  - {line}", highlight=False, markup=False, soft_wrap=True)


def _print_measured(
    console: Console, run: Run, small: Run | None, cost: dict[str, data.Line], rows: RowBytes, kept: Stored
) -> None:
    beside = f", and {small.rows:,} rows" if small else ""
    console.print(f"measured: {run.day}, {run.rows:,} rows{beside}", highlight=False)
    table = Table("component", "core-seconds", "fixed", "core-s / million rows", box=None)
    for name, line in cost.items():
        table.add_row(name, f"{run.seconds[name]:.1f}", f"{line.fixed:.1f}", f"{line.each * 1e6:.1f}")
    console.print(table)
    console.print(
        f"  bytes a row: log {kept.log:.0f}, example {kept.example:.0f}, shuffled {rows.impressions:.0f} and, for "
        f"rates a day, {rows.rated:.0f}; decoded {rows.decoded:.0f}; behaviors {rows.behaviors_per_row:.1%} of rows, "
        f"{rows.behaviors:.0f} bytes each; fairness table {kept.pair:.0f} bytes a pair",
        highlight=False,
        soft_wrap=True,
    )


def _print_steps(console: Console, scale: data.Scale, found: data.Estimate) -> None:
    console.print(
        f"\na day of {scale.impressions:,} impressions, {scale.users:,} users, {scale.items:,} items, "
        f"{scale.scenarios:,} scenarios",
        highlight=False,
    )
    table = Table("component", "read", "written", "shuffled", "shuffles", "workers", "hours", "GiB a worker", box=None)
    for step in found.steps:
        sizes = (size(value) for value in (step.read, step.written, step.shuffled))
        gib = f"{step.memory / (1 << 30):.1f}"
        table.add_row(step.name, *sizes, str(step.shuffles), f"{step.workers:,}", f"{step.hours:.2f}", gib)
    table.add_row("all", "", "", "", "", "", f"{found.hours:.2f}", "")
    console.print(table)


def _print_sizes(
    console: Console, scale: data.Scale, rows: RowBytes, kept: Stored, found: data.Estimate, days: data.Days
) -> None:
    console.print()
    values = {
        "behaviors in a history": f"{data.history_length(scale, rows, days):.0f} (measured: {kept.history:.0f})",
        "ingest.partitions": f"{found.partitions:,}",
        "ingest.batch_rows": f"{found.batch_rows:,}",
        "pairs of scenario and item": f"{found.pairs:,} at most, {size(found.pair_bytes)} a day",
        "disk a day": ", ".join(f"{name} {size(value)}" for name, value in found.day_bytes.items()),
        f"disk of {days.lookback + 1} days of logs, {days.train + 2} of examples": size(found.window_bytes),
        "disk of TFX while a day runs": size(found.peak_bytes),
    }
    for name, value in values.items():
        console.print(f"  {name:<44}{value}", highlight=False)


def size(value: float) -> str:
    """Bytes for people: `1.5 TB`."""
    for unit, scale in UNITS:
        if value >= scale:
            return f"{value / scale:.1f} {unit}"
    return f"{value:.0f} B"
