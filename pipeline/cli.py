"""The command line. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import datetime
import os
from typing import Any

import click

from pipeline.answers import answers
from pipeline.ask import ask
from pipeline.benchmark.cli import ablate, benchmark, explain, sweep
from pipeline.cluster.commands import compile_, deploy, distribute, join, schedule
from pipeline.options import config_option, overrides_option, workspace_option
from pipeline.plan.command import plan
from pipeline.releases import promote, retire, rollback

EXIT_CODES = """
Exit codes: 0 done, a model pushed or already in service; 1 failure; 2 wrong argument or configuration;
3 input refused; 4 the run ended and its model was not blessed; 130 interrupted.
"""


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, epilog=EXIT_CODES)
@click.version_option(package_name="scenerank")
def main() -> None:
    """Daily training of click-through-rate models over many scenarios."""


@main.command()
@workspace_option
@config_option
@click.option("--day", help="The day to take in, evaluate on and push for, as 2022-05-31.")
@click.option("--from", "first", help="First of several days.")
@click.option("--to", "last", help="Last of several days.")
@overrides_option
@click.option("--verbose", "-v", is_flag=True, help="Leave everything that the libraries print on the terminal.")
@answers
def run(workspace: str, config: str, day: str, first: str, last: str, overrides: tuple, verbose: bool) -> int:
    """Take a day of logs to a model in service."""
    from pipeline.commands import run_days

    return run_days(workspace, config, _days(day, first, last), overrides, verbose)


def _days(day: str | None, first: str | None, last: str | None) -> list[str]:
    from components.workspace import shift

    if (day is None) == (first is None) or (first is None) != (last is None):
        raise click.UsageError("give either --day, or both --from and --to")
    for value in (day, first, last):
        try:
            datetime.date.fromisoformat(value or "2000-01-01")
        except ValueError:
            raise click.UsageError(f"{value!r} is no day: write it as 2022-05-31") from None
    if day:
        return [day]
    if first > last:  # type: ignore[operator]
        raise click.UsageError(f"--from {first} comes after --to {last}")
    days = [first]
    while days[-1] != last:
        days.append(shift(days[-1], 1))  # type: ignore[arg-type]
    return days  # type: ignore[return-value]


@main.group(name="import")
def import_() -> None:
    """Write a public data set into a workspace as daily logs."""


@import_.command()
@workspace_option
@click.option("--source", required=True, type=click.Path(file_okay=False), help="Folder of the publisher's files.")
@answers
def kuairand(workspace: str, source: str) -> None:
    """KuaiRand (Pure, 1K, 27K): tab is the scenario, is_click the label."""
    from components.sources.kuairand import import_kuairand

    click.echo(_counts(import_kuairand(source, workspace)))


@import_.command()
@workspace_option
@click.option("--source", type=click.Path(file_okay=False), help="Folder of .dat or .inter files; fetched if absent.")
@click.option("--split", type=click.Choice(["random", "time"]), default="random", show_default=True)
@click.option("--seed", default=2022, show_default=True)
@answers
def movielens(workspace: str, source: str | None, split: str, seed: int) -> None:
    """MovieLens-1M: three age groups as scenarios, rating > 3 as label."""
    from components.sources.movielens import fetch_movielens, import_movielens

    source = source or fetch_movielens(os.path.join(workspace, "source"))
    click.echo(_counts(import_movielens(source, workspace, split=split, seed=seed)))


@import_.command(name="ali-ccp")
@workspace_option
@click.option("--source", required=True, type=click.Path(file_okay=False), help="Folder of the publisher's files.")
@answers
def ali_ccp(workspace: str, source: str) -> None:
    """Ali-CCP, as published or as flat tables: position is the scenario, click the label."""
    from components.sources.ali_ccp import import_ali_ccp

    click.echo(_counts(import_ali_ccp(source, workspace)))


def _counts(counts: dict[str, Any]) -> str:
    return "\n".join(f"{key}: {value}" for key, value in counts.items())


@main.command()
@workspace_option
@click.option("--days", default=8, show_default=True)
@click.option("--scenarios", default=20, show_default=True)
@click.option("--users", default=20000, show_default=True)
@click.option("--items", default=2000, show_default=True)
@click.option("--impressions-per-day", default=100000, show_default=True)
@click.option("--promotion-strength", default=4.0, show_default=True, help="Exposure of promoted items, in times.")
@click.option("--position-bias", default=1.0, show_default=True, help="Attention is 1 / (place from 1) to that power.")
@click.option("--badge-lift", default=0.57, show_default=True, help="Log odds that a badge adds to a click.")
@click.option("--ranker", default="taste", show_default=True, help="What orders pages: taste or logged.")
@click.option("--start-day", default="2024-03-01", show_default=True)
@click.option("--seed", default=0, show_default=True)
@answers
def simulate(workspace: str, **world: Any) -> None:
    """Write the logs of a simulated travel platform whose truth is known."""
    from components.sources.simulator import simulate

    simulate(workspace, **world)
    click.echo(f"{world['days']} days from {world['start_day']} are in {os.path.join(workspace, 'logs')}")


@main.command()
@workspace_option
@click.option(
    "--input", "source", required=True, help="JSON Lines (.jsonl, .jsonl.gz) or Parquet file of raw features."
)
@click.option("--output", required=True, help="File of the same kind to write, with the column `probability`.")
@click.option("--version", type=int, help="A pushed version; by default the one in service.")
@answers
def predict(workspace: str, source: str, output: str, version: int | None) -> None:
    """Score a file with a pushed version."""
    from pipeline.commands import predict_file

    click.echo(predict_file(workspace, source, output, version))


@main.command()
@workspace_option
@click.option("--day", help="A day that was run; by default the last.")
@answers
def report(workspace: str, day: str | None) -> None:
    """Draw report.html of a day again."""
    from pipeline.commands import draw_report

    click.echo(draw_report(workspace, day))


@main.command()
@answers
def models() -> None:
    """List the models that can be trained."""
    from pipeline.commands import print_models

    print_models()


@main.command()
@workspace_option
@answers
def show(workspace: str) -> None:
    """Show the days present, the versions, and what is served."""
    from pipeline.show import print_workspace

    print_workspace(workspace)


@main.command()
@workspace_option
@click.option("--verbose", "-v", is_flag=True)
@answers
def quickstart(workspace: str, verbose: bool) -> int:
    """Simulate four days of a travel platform and run the last three."""
    from pipeline.commands import run_quickstart

    return run_quickstart(workspace, verbose)


SERVING = (rollback, promote, retire, deploy, ask)
COMPARISONS = (benchmark, ablate, sweep, explain)
CLUSTERS = (compile_, schedule, distribute, join, plan)
for command in (*SERVING, *COMPARISONS, *CLUSTERS):
    main.add_command(command)
