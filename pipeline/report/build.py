"""Draws `reports/day=D/report.html` from what a workspace holds."""

from __future__ import annotations

import logging
import pathlib
from collections.abc import Callable
from typing import TypeVar

from scenerank.components.records.evaluation import NOTHING
from scenerank.components.workspace import Workspace
from scenerank.pipeline.drawing import html
from scenerank.pipeline.drawing.page import (
    Missing,
    Note,
    Section,
    Tile,
    Tone,
    count,
    decimal,
    difference,
    signed,
    tone,
)
from scenerank.pipeline.report import (
    attention,
    calibration,
    fairness,
    metrics_history,
    scenarios,
    training,
    usual_days,
    volume,
)
from scenerank.pipeline.report.known import Knowing, Known, nothing
from scenerank.pipeline.report.run import Run

_Part = TypeVar("_Part")


def build_report(workspace: Workspace, day: str, knowing: Knowing = nothing) -> str:
    """Draws the report of a day that was run.

    Parts that the workspace does not hold, or holds no more, are left out with a sentence.

    Args:
      knowing: what is known of a run's day beside its logs.

    Returns:
      URI of `report.html`: one file that loads nothing from elsewhere.

    Raises:
      WorkspaceError: the day was not run.
    """
    run = Run.read(workspace, day)
    target = workspace.uri("reports", f"day={day}", "report.html")
    workspace.write_text(target, render(run, _try(lambda: knowing(run), Known())))
    return target


def render(run: Run, known: Known) -> str:
    """The page."""
    workspace, day = run.workspace, run.day
    over_days = _part("AUC by day", lambda: metrics_history.auc_by_day(workspace, day))
    sections = [
        _section("data", "Data volume and quarantine", lambda: volume.section(workspace, day)),
        _section("usual", "Is the day usual?", lambda: usual_days.section(run)),
        _section("scenarios", "Scenarios", lambda: scenarios.section(run, known.oracle)),
        _section("calibration", "Calibration", lambda: calibration.section(run)),
        _section(
            "fairness",
            "Fairness Coefficients",
            lambda: fairness.section(workspace, day, known.promotions, _numerator(run)),
        ),
        _section("attention", "Attention over behaviors", lambda: attention.section(run)),
        *(_section(*more) for more in known.sections),
        _section("training", "Training", lambda: training.curves(run)),
        _section("time", "Time", lambda: training.seconds(run)),
    ]
    return html.render(
        pathlib.Path(__file__).with_name("report.html"),
        day=day,
        status=_status(run),
        facts=_facts(run),
        tiles=_tiles(run),
        first=over_days,
        sections=sections,
    )


def _section(name: str, title: str, make: Callable[[], Section]) -> Section:
    part = _part(title, make)
    return Section(name, title, "", [part]) if isinstance(part, Note) else part


def _part(title: str, make: Callable[[], _Part]) -> _Part | Note:
    try:
        return make()
    except Missing as missing:
        return Note(str(missing))
    except Exception as error:  # a report must not fail a run whose model is in service
        logging.exception("%s of the report could not be drawn", title)
        return Note(f"This part could not be drawn: {type(error).__name__}: {error}")


def _try(make: Callable[[], _Part], otherwise: _Part) -> _Part:
    part = _part("The truth", make)
    return otherwise if isinstance(part, Note) else part


def _status(run: Run) -> tuple[str, Tone, list[str]]:
    """Badge, its tone, and the sentences behind it."""
    said = list(run.record.verdict.remarks)
    if run.version:
        text = "pushed" if run.record.new else "in service already, from the same training"
        return f"Version {run.version} {text}", "good", said
    return "Not pushed", "bad", [*run.record.verdict.objections, *said]


def _facts(run: Run) -> list[tuple[str, str]]:
    facts = [("Model", run.model_name)]
    splits = run.record.window.splits
    lineage = run.record.history.get("lineage", {})
    if lineage.get("mode") == "incremental":
        splits = {"train": lineage["days"], "eval": splits.get("eval", [])}
    for name, label in (("train", "Trained on"), ("validation", "Early stopping on"), ("eval", "Evaluated on")):
        days = splits.get(name) or []
        if days:
            facts.append((label, days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}, {len(days)} days"))
    before = run.record.served_before
    facts.append(("Compared with", f"version {before}" if before else "nothing: no model was in service"))
    return facts


def _numerator(run: Run) -> str:
    """How the run's Fairness Coefficients were found."""
    columns = (run.record.declaration or {}).get("columns", ())
    if any(column["group"] == "intervention" for column in columns):
        return "flag"
    return (run.record.config or {}).get("fairness", {}).get("numerator", "exposure")


def _tiles(run: Run) -> list[Tile]:
    mine, old = run.overall, run.served or NOTHING
    tiles = []
    for key, label, sign in (("auc", "AUC", 1), ("log_loss", "Log loss", -1), ("gauc", "GAUC", 1)):
        now, before = getattr(mine, key), getattr(old, key)
        if now is None:
            continue
        gain = difference(now, before)
        comparison = f"{signed(gain)}, was {decimal(before)}" if gain is not None else ""
        tiles.append(Tile(label, decimal(now), comparison, tone(sign * gain if gain is not None else None)))
    if mine.pcoc is not None:
        tiles.append(Tile("PCOC", decimal(mine.pcoc), f"was {decimal(old.pcoc)}" if old.pcoc is not None else ""))
    if mine is not NOTHING:
        tiles.append(Tile("Impressions", count(mine.examples), f"click rate {decimal(mine.click_rate)}"))
    return tiles
