"""Commands that run days. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

from typing import Any

import click

from scenerank.pipeline.cli._errors import exits
from scenerank.pipeline.cli._options import config_option, overrides_option, workspace_option


@click.command()
@workspace_option
@config_option
@click.option("--day", help="The day to take in, evaluate on and push for, as 2022-05-31.")
@click.option("--from", "first", help="First of several days.")
@click.option("--to", "last", help="Last of several days.")
@overrides_option
@click.option(
    "--no-resume", is_flag=True, help="Run also what a run of the day that failed had completed, and all as it was."
)
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each day as it ends, and no more.")
@click.option("--verbose", "-v", is_flag=True, help="Leave everything that the libraries print on the terminal.")
@exits
def run(
    workspace: str,
    config: str,
    day: str | None,
    first: str | None,
    last: str | None,
    overrides: tuple[str, ...],
    no_resume: bool,
    as_json: bool,
    verbose: bool,
) -> int:
    """Take a day of logs to a model in service."""
    from scenerank.pipeline.daily.days import run_days

    return run_days(workspace, config, _days(day, first, last), overrides, verbose, as_json, not no_resume)


def _days(day: str | None, first: str | None, last: str | None) -> list[str]:
    from scenerank.components.days import is_day
    from scenerank.components.workspace import shift

    if day is not None and first is None and last is None:
        first = last = day
    elif day is not None or first is None or last is None:
        raise click.UsageError("give either --day, or both --from and --to")
    for value in (first, last):
        if not is_day(value):
            raise click.UsageError(f"{value!r} is no day: write it as 2022-05-31")
    if first > last:
        raise click.UsageError(f"--from {first} comes after --to {last}")
    days = [first]
    while days[-1] != last:
        days.append(shift(days[-1], 1))
    return days


@click.command()
@workspace_option
@click.option(
    "--impressions-per-day",
    default=50_000,
    show_default=True,
    envvar="SCENERANK_QUICKSTART_IMPRESSIONS",
    help="Fewer are sooner done, and teach a model less.",
)
@click.option("--verbose", "-v", is_flag=True)
@exits
def quickstart(workspace: str, impressions_per_day: int, verbose: bool) -> int:
    """Simulate four days of a travel platform and run the last three."""
    from scenerank.components.workspace import Workspace
    from scenerank.pipeline.daily.days import run_days
    from scenerank.pipeline.sources.simulator import simulate

    if not Workspace(workspace).log_days():
        click.echo(f"simulating 4 days of {impressions_per_day:,} impressions over 20 scenarios")
        world: dict[str, Any] = {
            "days": 4,
            "scenarios": 20,
            "impressions_per_day": impressions_per_day,
            "start_day": "2024-03-01",
        }
        simulate(workspace, **world, seed=0)
    code = run_days(workspace, "simulator", ["2024-03-02", "2024-03-03", "2024-03-04"], (), verbose)
    click.echo(f"next: scenerank show -w {workspace}")
    return code


@click.command()
@workspace_option
@click.option("--day", help="A day that was run; by default the last.")
@exits
def report(workspace: str, day: str | None) -> None:
    """Draw report.html of a day again."""
    from scenerank.pipeline.daily.days import draw_report

    click.echo(draw_report(workspace, day))


@click.command()
@workspace_option
@click.option("--day", help="A day that was run; by default the last run's log.")
@click.option("--path", is_flag=True, help="Print where it lies, and no more.")
@exits
def logs(workspace: str, day: str | None, path: bool) -> None:
    """Print what the libraries said in the last run."""
    from scenerank.components import storage
    from scenerank.pipeline.daily.days import last_log

    found = last_log(workspace, day)
    click.echo(found if path else storage.read(found).decode(errors="replace"), nl=path)


@click.command()
@workspace_option
@config_option
@overrides_option
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@exits
def clean(workspace: str, config: str, overrides: tuple[str, ...], dry_run: bool) -> None:
    """Delete what `retention` lets go, as every run does at its end."""
    from scenerank.components.workspace import Workspace
    from scenerank.pipeline.config import load_config
    from scenerank.pipeline.daily import retention
    from scenerank.pipeline.daily.run import locked

    space, loaded = Workspace(workspace), load_config(config, overrides)
    with locked(space):
        act = retention.removals if dry_run else retention.clean
        gone = act(space, loaded.retention, loaded.needed_days)
    for removal in gone:
        click.echo(f"{removal.what:<10}{removal.size / 2**20:10.1f} MiB  {removal.uri}")
    total = sum(removal.size for removal in gone) / 2**20
    click.echo(f"{'would delete' if dry_run else 'deleted'} {len(gone)} things of {total:.1f} MiB, versions apart")
