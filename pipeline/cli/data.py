"""Commands that fill a workspace with logs. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import os
from typing import Any

import click

from scenerank.pipeline.cli._errors import exits
from scenerank.pipeline.cli._options import workspace_option


@click.group(name="import")
def import_() -> None:
    """Write a public data set into a workspace as daily logs."""


@import_.command()
@workspace_option
@click.option("--source", required=True, type=click.Path(file_okay=False), help="Folder of the publisher's files.")
@exits
def kuairand(workspace: str, source: str) -> None:
    """KuaiRand (Pure, 1K, 27K): tab is the scenario, is_click the label."""
    from scenerank.pipeline.sources.kuairand import import_kuairand

    click.echo(_counts(import_kuairand(source, workspace)))


@import_.command()
@workspace_option
@click.option("--source", type=click.Path(file_okay=False), help="Folder of .dat or .inter files; fetched if absent.")
@click.option("--split", type=click.Choice(["random", "time"]), default="random", show_default=True)
@click.option("--seed", default=2022, show_default=True)
@exits
def movielens(workspace: str, source: str | None, split: str, seed: int) -> None:
    """MovieLens-1M: three age groups as scenarios, rating > 3 as label."""
    from scenerank.pipeline.sources.movielens import fetch_movielens, import_movielens

    source = source or fetch_movielens(os.path.join(workspace, "source"))
    click.echo(_counts(import_movielens(source, workspace, split=split, seed=seed)))


@import_.command(name="ali-ccp")
@workspace_option
@click.option("--source", required=True, type=click.Path(file_okay=False), help="Folder of the publisher's files.")
@exits
def ali_ccp(workspace: str, source: str) -> None:
    """Ali-CCP, as published or as flat tables: position is the scenario, click the label."""
    from scenerank.pipeline.sources.ali_ccp import import_ali_ccp

    click.echo(_counts(import_ali_ccp(source, workspace)))


def _counts(counts: dict[str, Any]) -> str:
    return "\n".join(f"{key}: {value}" for key, value in counts.items())


@click.command()
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
@exits
def simulate(workspace: str, **world: Any) -> None:
    """Write the logs of a simulated travel platform whose truth is known."""
    from scenerank.pipeline.sources.simulator import simulate

    simulate(workspace, **world)
    click.echo(f"{world['days']} days from {world['start_day']} are in {os.path.join(workspace, 'logs')}")
