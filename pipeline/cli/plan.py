"""`scenerank plan`. Nothing heavy is imported before it is needed."""

from __future__ import annotations

import json
import os

import click

from scenerank.pipeline.cli._errors import exits
from scenerank.pipeline.cli._options import config_option, overrides_option

NUMBER = click.FloatRange(min=1)


@click.command()
@config_option
@click.option("--workspace", "-w", help="Workspace with a day that was run with it; for what data needs.")
@click.option("--day", help="The measured day; by default the last that was run.")
@click.option("--small", metavar="WORKSPACE", help="A smaller run of the same, to tell fixed costs from those of rows.")
@overrides_option
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@click.option("--users", type=NUMBER, default=80e6, show_default=True)
@click.option("--items", type=NUMBER, default=1.55e6, show_default=True)
@click.option("--scenarios", type=NUMBER, default=500, show_default=True)
@click.option("--impressions", type=NUMBER, default=1e9, show_default=True, help="Of a day.")
@click.option("--hours", type=click.FloatRange(0.1), default=4, show_default=True, help="For all Beam components.")
@click.option("--workers", type=click.IntRange(1), help="Of one core; by default what the hours demand.")
@click.option("--worker-memory", type=NUMBER, default=4096, show_default=True, help="MiB.")
@click.option(
    "--efficiency", type=click.FloatRange(0.01, 1), default=0.5, show_default=True, help="Of an engine's core."
)
@exits
def plan(
    config: str,
    workspace: str | None,
    day: str | None,
    small: str | None,
    overrides: tuple[str, ...],
    as_json: bool,
    users: float,
    items: float,
    scenarios: float,
    impressions: float,
    hours: float,
    workers: int | None,
    worker_memory: float,
    efficiency: float,
) -> None:
    """Tell what the model's weights need, and what a day at another scale does, from one that was run."""
    from scenerank.pipeline.config import check_model, load_config
    from scenerank.pipeline.plan import data
    from scenerank.pipeline.terminal import quiet

    loaded = load_config(config, overrides)
    scale = data.Scale(int(users), int(items), int(scenarios), int(impressions))
    budget = data.Budget(hours, int(worker_memory) * data.MIB, workers, efficiency)
    with quiet(os.devnull) as console:
        from scenerank.pipeline.plan.tables import print_weights

        check_model(loaded)
        if as_json:
            from scenerank.pipeline.plan.document import document

            found = document(loaded, workspace, day, small, scale, budget)
            print(json.dumps(found), file=console.file)
            return
        print_weights(console, loaded, workspace, scale.scenarios)
        if workspace is None:
            console.print("what data need is estimated from a day that was run: give its --workspace")
            return
        from scenerank.pipeline.plan.data_tables import planned, print_data
        from scenerank.pipeline.plan.training import print_training, trained

        print_data(console, scale, planned(loaded, workspace, day, small, scale, budget))
        print_training(console, loaded, trained(workspace, day), scale, budget)
