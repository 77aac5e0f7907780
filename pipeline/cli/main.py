"""The command line. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import copy

import click

from scenerank.errors import ExitCode
from scenerank.pipeline.cli.cluster import compile_, distribute, schedule, train_task
from scenerank.pipeline.cli.compare import ablate, benchmark, explain, sweep
from scenerank.pipeline.cli.data import import_, simulate
from scenerank.pipeline.cli.plan import plan
from scenerank.pipeline.cli.run import clean, logs, quickstart, report, run
from scenerank.pipeline.cli.serving import deploy, hold, predict, promote, resume, retire, rollback, score
from scenerank.pipeline.cli.show import models, show

EXIT_CODES = f"Exit codes: {'. '.join(f'{code} {code.meaning}' for code in ExitCode)}."


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, epilog=EXIT_CODES)
@click.version_option(package_name="scenerank")
def main() -> None:
    """Daily training of click-through-rate models over many scenarios."""


RUNS = (run, quickstart, report, logs, clean, show, models)
DATA = (import_, simulate)
SERVING = (predict, score, rollback, promote, hold, resume, retire, deploy)
COMPARISONS = (benchmark, ablate, sweep, explain)
CLUSTERS = (compile_, schedule, distribute, train_task, plan)
FORMER = {"ask": score, "join": train_task}
"""Names of commands until version 0.1; they are gone with the next."""

for command in (*RUNS, *DATA, *SERVING, *COMPARISONS, *CLUSTERS):
    main.add_command(command)
for name, command in FORMER.items():
    former = copy.copy(command)
    former.name, former.hidden = name, True
    main.add_command(former)
