"""Commands that list what there is. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import click

from scenerank.pipeline.cli._errors import exits
from scenerank.pipeline.cli._options import workspace_option

if TYPE_CHECKING:
    from scenerank.components.workspace import Workspace


@click.command()
@workspace_option
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@click.option("--verify", is_flag=True, help="Only look whether the files of what serves are as they were pushed.")
@exits
def show(workspace: str, as_json: bool, verify: bool) -> None:
    """Show the days present, the versions, and what is served."""
    from rich.console import Console
    from rich.table import Table

    from scenerank.components.pusher.releases import release
    from scenerank.components.workspace import Workspace

    space = Workspace(workspace)
    if verify:
        _verify(space)
        return
    if not as_json and not space.log_days() and not space.days("examples"):
        click.echo(f"no logs in {space.uri('logs')}: import or simulate some, or write your own")
        return
    days, versions = _days(space), _versions(space)
    if as_json:
        from scenerank.components.records.attempt import attempts

        runs = [attempt.model_dump() for attempt in attempts(space)]
        click.echo(json.dumps({"days": days, "versions": versions, "runs": runs}))
        return
    console = Console(markup=False)
    shown = Table("day", "logs", "published", "rows", "quarantined", "duplicates", "late", box=None)
    for day in days:
        counts = [day[name] for name in ("rows", "quarantined", "duplicates", "late")]
        states = ("yes" if day[name] else "no" for name in ("logs", "published"))
        shown.add_row(day["day"], *states, *("" if n is None else str(n) for n in counts))
    console.print(shown)
    pushed = Table("version", "day", "model", "AUC", "log loss", "", box=None)
    for version in versions:
        numbers = (f"{version[name]:.4f}" for name in ("auc", "log_loss"))
        pushed.add_row(str(version["version"]), version["day"], version["model"], *numbers, version["state"])
    console.print(pushed if versions else "no model was pushed yet", highlight=False)
    if (held := release(space).held) is not None:
        console.print(f"new versions do not serve until `scenerank resume`: {held}", highlight=False)


def _verify(space: Workspace) -> None:
    from scenerank.components.pusher.digests import damage
    from scenerank.components.pusher.releases import release
    from scenerank.errors import ReleaseError

    known = release(space)
    versions = sorted({*known.serving.values(), *([known.previous] if known.previous else [])})
    found = [sentence for version in versions for sentence in damage(space, version)]
    if found:
        raise ReleaseError("; ".join(found))
    click.echo(f"as they were pushed: {', '.join(map(str, versions)) or 'no version'}")


def _days(space: Workspace) -> list[dict[str, Any]]:
    from scenerank.components.records.ingestion import IngestionSummary

    logs, examples = space.log_days(), set(space.days("examples"))
    days: list[dict[str, Any]] = []
    for day in sorted({*logs, *examples}):
        counts = IngestionSummary.read(space.day("quarantine", day)) if day in examples else None
        days.append({"day": day, "logs": day in logs, "published": day in examples})
        days[-1]["rows"] = counts and counts.rows_accepted
        days[-1]["quarantined"] = counts and counts.rows_refused
        days[-1]["duplicates"] = counts and counts.duplicates
        days[-1]["late"] = counts and sum(counts.rows_late.values())
    return days


def _versions(space: Workspace) -> list[dict[str, Any]]:
    from scenerank.components.pusher.releases import release
    from scenerank.components.records.evaluation import CANDIDATE, OVERALL
    from scenerank.components.records.release import ModelLineage

    known = release(space)
    states: dict[int | None, str] = dict.fromkeys(known.withdrawn, "withdrawn")
    states |= {known.canary: "canary", known.stable: "in service"}
    versions = []
    for version in space.versions():
        lineage = ModelLineage.read(space.model(version))
        overall = lineage.metrics[OVERALL][CANDIDATE]
        told = {"version": version, "day": lineage.day, "model": lineage.config["trainer"]["model"]}
        versions.append(told | {"auc": overall.auc, "log_loss": overall.log_loss, "state": states.get(version, "")})
    return versions


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As one JSON list.")
@exits
def models(as_json: bool) -> None:
    """List the models that can be trained; parameters are those of the paper's settings on the simulator's columns,
    tables left out."""
    from rich.table import Table

    from scenerank.pipeline.terminal import quiet

    with quiet(os.devnull) as console:
        from scenerank.models.registry import MODELS, build_model
        from scenerank.schemas import load_declaration
        from scenerank.schemas.features import feature_set

        declaration = load_declaration("simulator")
        features = feature_set(declaration, {column.name: 20 for column in declaration.features})
        rows: list[dict[str, Any]] = []
        for name, model in MODELS.items():
            built = build_model(name, features)
            tables = sum(weight.shape.num_elements() for weight in built.weights if "/table_" in weight.name)
            parameters = built.count_params() - tables
            rows.append({"name": name, "parameters": parameters, "needs": [*model.needs], "paper": model.paper})
        if as_json:
            print(json.dumps(rows), file=console.file)
            return
        table = Table("name", "parameters", "needs", "paper", box=None)
        for row in rows:
            table.add_row(row["name"], f"{row['parameters']:,}", ", ".join(row["needs"]), row["paper"])
        console.print(table)
