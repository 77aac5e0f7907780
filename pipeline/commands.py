"""What the commands of the command line do."""

from __future__ import annotations

import os
import time
import traceback
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from components.errors import DataRefused
from components.workspace import Workspace
from pipeline import predict
from pipeline.config import Config, check_model, load_config
from pipeline.daily import Outcome, day_run, run_day
from pipeline.terminal import Progress, quiet


def run_days(root: str, config_name: str, days: list[str], overrides: tuple[str, ...], verbose: bool) -> int:
    """Runs days in order; stops at the first that is refused or fails.

    Returns:
      The exit code: that of the worst day.
    """
    from pipeline.answers import FAILED, NOT_BLESSED, PUSHED, cause_of

    config = load_config(config_name, overrides)
    with quiet(None if verbose else os.devnull):
        check_model(config)
    workspace = Workspace(root)
    code = PUSHED
    for day in days:
        log = None if verbose or "://" in workspace.root else _log_file(workspace, day)
        with quiet(log) as console:
            progress = Progress(console)
            try:
                outcome = _run(config, workspace, day, progress)
            except (DataRefused, KeyboardInterrupt):
                raise
            except Exception as error:
                traceback.print_exc()
                cause = cause_of(error)
                if cause is not None:
                    raise cause from None
                first = str(error).strip().splitlines()[0] if str(error).strip() else ""
                console.print(f"{day} failed: {type(error).__name__}: {first}", highlight=False, markup=False)
                console.print(f"what is in service and what was published are as before; details: {log or 'above'}")
                return FAILED
            finally:
                progress.stop()
            _print_outcome(console, workspace, outcome)
        code = code if outcome.blessed else NOT_BLESSED
    return code


def _run(config: Config, workspace: Workspace, day: str, progress: Progress) -> Outcome:
    from components.trainer import callbacks

    callbacks.PROGRESS = progress.training
    try:
        return run_day(config, workspace.root, day, progress)
    finally:
        callbacks.PROGRESS = None


def _log_file(workspace: Workspace, day: str) -> str:
    return os.path.join(workspace.root, "tfx", "logs", f"{day}-{time.strftime('%Y%m%dT%H%M%S')}.log")


def _print_outcome(console: Console, workspace: Workspace, outcome: Outcome) -> None:
    table = Table("scenario", "rows", "click rate", "AUC", "in service", "PCOC, ordinary", box=None)
    for scenario, models in outcome.record["metrics"]["slices"].items():
        mine, served = models["candidate"], models.get("served", {})
        table.add_row(
            scenario or "all",
            f"{mine['examples']:.0f}",
            f"{mine['clicks'] / mine['examples']:.4f}",
            *(_shown(value) for value in (mine["auc"], served.get("auc"), mine["pcoc_ordinary"])),
        )
    console.print(table)
    if outcome.blessed:
        what = "pushed" if outcome.new else "equal to the version already pushed"
        console.print(f"version {outcome.version} {what}: {workspace.model(outcome.version)}", highlight=False)
    else:
        console.print("not pushed: " + "; ".join(outcome.objections), highlight=False, markup=False)
    console.print(f"report: {draw_report(workspace.root, outcome.day)}", highlight=False)


def predict_file(root: str, source: str, target: str, version: int | None) -> str:
    """Scores a file; returns a sentence on what was done."""
    with quiet(os.devnull):
        return predict.predict_file(root, source, target, version)


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def draw_report(root: str, day: str | None) -> str:
    """Draws `reports/day=D/report.html` and returns its URI."""
    from components.report.build import build_report

    workspace = Workspace(root)
    return build_report(workspace, day_run(workspace, day))


def print_models() -> None:
    """Lists the registry; parameters are those of the paper's settings on the simulator's columns, tables left out."""
    with quiet(os.devnull) as console:
        from models.registry import MODELS, build_model
        from schemas import load_declaration
        from schemas.features import feature_set

        declaration = load_declaration("simulator")
        features = feature_set(declaration, {column.name: 20 for column in declaration.features})
        table = Table("name", "parameters", "needs", "paper", box=None)
        for name, model in MODELS.items():
            built = build_model(name, features)
            tables = sum(weight.shape.num_elements() for weight in built.weights if "/table_" in weight.name)
            table.add_row(name, f"{built.count_params() - tables:,}", ", ".join(model.needs), model.paper)
        console.print(table)


def run_quickstart(root: str, verbose: bool) -> int:
    """Simulates 4 days of 50,000 impressions over 20 scenarios and runs days 2 to 4."""
    from components.sources.simulator import simulate

    world: dict[str, Any] = {"days": 4, "scenarios": 20, "impressions_per_day": 50_000, "start_day": "2024-03-01"}
    if not Workspace(root).log_days():
        click.echo("simulating 4 days of 50,000 impressions over 20 scenarios")
        simulate(root, **world, seed=0)
    code = run_days(root, "simulator", ["2024-03-02", "2024-03-03", "2024-03-04"], (), verbose)
    click.echo(f"next: scenerank show -w {root}")
    return code
