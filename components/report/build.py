"""Draws `reports/day=D/report.html` from what a workspace holds."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from components.report import (
    attention,
    calibration,
    debiasing,
    fairness,
    html,
    metrics_history,
    scenarios,
    training,
    truth,
    volume,
)
from components.report.page import (
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
from components.report.run import Run
from components.workspace import Workspace

_Part = TypeVar("_Part")


def build_report(workspace: Workspace, day: str) -> str:
    """Draws the report of a day that was run.

    Parts that the workspace does not hold, or holds no more, are left out with a sentence.

    Returns:
      URI of `report.html`: one file that loads nothing from elsewhere.

    Raises:
      FileNotFoundError: the day was not run.
    """
    run = Run.read(workspace, day)
    target = workspace.uri("reports", f"day={day}", "report.html")
    workspace.write_text(target, render(run))
    return target


def render(run: Run) -> str:
    """The page."""
    workspace, day = run.workspace, run.day
    oracle = _try(lambda: truth.oracle(workspace, day), {})
    promoted = _try(lambda: truth.promotions(workspace, day), None)
    over_days = _part("AUC by day", lambda: metrics_history.auc_by_day(workspace, day))
    sections = [
        _section("data", "Data volume and quarantine", lambda: volume.section(workspace, day)),
        _section("scenarios", "Scenarios", lambda: scenarios.section(run, oracle)),
        _section("calibration", "Calibration", lambda: calibration.section(run)),
        _section(
            "fairness", "Fairness Coefficients", lambda: fairness.section(workspace, day, promoted, _numerator(run))
        ),
        _section("attention", "Attention over behaviors", lambda: attention.section(run)),
        *([_section("truth", "Against the truth", lambda: truth.section(run, oracle))] if oracle else []),
        *([_section("debiasing", "Debiasing and promotions", debiasing.section)] if oracle else []),
        _section("training", "Training", lambda: training.curves(run)),
        _section("time", "Time", lambda: training.seconds(run)),
    ]
    return html.render(
        "report.html",
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
    """Badge, its tone, and the objections behind it."""
    if run.version:
        text = "pushed" if run.record.get("new", True) else "in service already, from the same training"
        return f"Version {run.version} {text}", "good", []
    return "Not pushed", "bad", list(run.record.get("verdict", {}).get("objections", []))


def _facts(run: Run) -> list[tuple[str, str]]:
    facts = [("Model", run.model_name)]
    splits = run.record.get("window", {}).get("splits", {})
    lineage = run.record.get("history", {}).get("lineage", {})
    if lineage.get("mode") == "incremental":
        splits = {"train": lineage["days"], "eval": splits.get("eval")}
    for name, label in (("train", "Trained on"), ("validation", "Early stopping on"), ("eval", "Evaluated on")):
        days = splits.get(name) or []
        if days:
            facts.append((label, days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}, {len(days)} days"))
    before = run.record.get("served_before")
    facts.append(("Compared with", f"version {before}" if before else "nothing: no model was in service"))
    return facts


def _numerator(run: Run) -> str:
    """How the run's Fairness Coefficients were found."""
    columns = run.record.get("declaration", {}).get("columns", ())
    if any(column["group"] == "intervention" for column in columns):
        return "flag"
    return run.record.get("config", {}).get("fairness", {}).get("numerator", "exposure")


def _tiles(run: Run) -> list[Tile]:
    mine, old = run.overall, run.served
    tiles = []
    for key, label, sign in (("auc", "AUC", 1), ("log_loss", "Log loss", -1), ("gauc", "GAUC", 1)):
        if mine.get(key) is None:
            continue
        gain = difference(mine[key], old.get(key))
        comparison = f"{signed(gain)}, was {decimal(old.get(key))}" if gain is not None else ""
        tiles.append(Tile(label, decimal(mine[key]), comparison, tone(sign * gain if gain is not None else None)))
    if mine.get("pcoc") is not None:
        comparison = f"was {decimal(old['pcoc'])}" if old.get("pcoc") is not None else ""
        tiles.append(Tile("PCOC", decimal(mine["pcoc"]), comparison))
    if mine:
        rate = mine["clicks"] / mine["examples"] if mine["examples"] else None
        tiles.append(Tile("Impressions", count(mine["examples"]), f"click rate {decimal(rate)}"))
    return tiles
