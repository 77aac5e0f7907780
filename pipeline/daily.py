"""A run as a function of its date."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import json
import os
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import portalocker

from components.errors import DataRefused
from components.examples_window.folds import of_fold
from components.workspace import Workspace, shift
from pipeline.config import Config

Progress = Callable[[str, str, str], None]
"""Called with day, component and `running` or `finished`."""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a run ended: `version` is 0 and `objections` say why where nothing was pushed."""

    day: str
    version: int
    new: bool
    objections: list[str]
    record: dict[str, Any]

    @property
    def blessed(self) -> bool:
        return self.version > 0


@contextlib.contextmanager
def locked(workspace: Workspace) -> Iterator[None]:
    """One run at a time in a workspace on a disk; the lock goes with its process, however that ends.

    Raises:
      DataRefused: another run holds it.
    """
    if "://" in workspace.root:  # an object store has no locks: the scheduler allows one run at a time
        yield
        return
    path = os.path.join(workspace.root, "tfx", ".lock")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    lock = portalocker.Lock(path, "a", timeout=0, fail_when_locked=True)
    try:
        lock.acquire()
    except portalocker.exceptions.LockException:
        raise DataRefused(f"another run is at work in {workspace.root}: wait for it to end") from None
    try:
        yield
    finally:
        lock.release()


def days_to_ingest(config: Config, workspace: Workspace, day: str) -> list[str]:
    """Days of the window whose logs were never published, and `day` itself, in order.

    Raises:
      DataRefused: `day` or a day within the window has no logs, or no day comes before it.
    """
    days = workspace.log_days()
    if day not in days:
        raise DataRefused(f"{workspace.uri('logs', f'day={day}')} does not exist: write the logs of that day first")
    published = workspace.days("examples")
    known = sorted({*days, *published})
    window = [shift(day, -back) for back in range(config.window.days, 0, -1)]
    window = [d for d in window if d >= known[0]]
    if not window:
        raise DataRefused(
            f"no logs before {day} in {workspace.uri('logs')}: the first day only trains; run the next day instead"
        )
    missing = [d for d in window if d not in known]
    if missing:
        raise DataRefused(
            f"logs of {', '.join(missing)} are missing in {workspace.uri('logs')} within the window of "
            f"{config.window.days} days before {day}: add them, or make window.days smaller"
        )
    return [*(d for d in window if d not in published), day]


def run_day(config: Config, root: str, day: str, progress: Progress = lambda day, name, state: None) -> Outcome:
    """Takes `day` from logs to a model in service.

    Args:
      root: URI of the workspace.

    Raises:
      DataRefused: bad input; what is in service and what was published are as before.
    """
    try:
        datetime.date.fromisoformat(day)
    except ValueError:
        raise DataRefused(f"{day!r} is no day: write it as 2022-05-31") from None
    workspace = Workspace(root)
    with locked(workspace):
        return _run(config, workspace, day, days_to_ingest(config, workspace, day), progress)


def _run(config: Config, workspace: Workspace, day: str, pending: list[str], progress: Progress) -> Outcome:
    from tfx.dsl.components.common.importer import Importer
    from tfx.types.standard_artifacts import Model

    from pipeline import graph
    from pipeline.local_runner import run_graph

    root = workspace.root
    seconds: dict[str, float] = {}
    core_seconds: dict[str, float] = {}

    def run(components: list, what: str):
        result = run_graph(
            components,
            workspace,
            f"{what}-{uuid.uuid4().hex[:8]}",
            config.beam_options,
            lambda name, state: progress(what, name, state),
        )
        for total, times in ((seconds, result.seconds), (core_seconds, result.core_seconds)):
            for name, value in times.items():
                total[name] = round(total.get(name, 0.0) + value, 2)
        return result

    for earlier in pending[:-1]:
        served = graph.served_model(root, earlier)
        run([served, *graph.ingestion(config, root, earlier, served.outputs["model"])], earlier)
    served = graph.served_model(root, day)
    ingestion = graph.ingestion(config, root, day, served.outputs["model"])
    if config.fairness.first_day == "two_pass" and workspace.served(before=day) is None:
        # Eq. 1 needs a model's scores: train once without, then score the window and start over
        run([served, *ingestion], day)
        before = [d for d in workspace.days("examples") if shift(day, -config.window.days) <= d < day]
        for fold in (0, 1):  # in-sample scores would carry each row's label into its own coefficient
            learned = of_fold(before, fold)
            served = graph.served_model(root, day)
            training = graph.training(config, root, day, served.outputs["model"], fold=fold)
            trained = run([served, *training[:3]], day).uris["Trainer"]["model"] if learned else None
            for scored in of_fold([*before, day], 1 - fold) if trained else ():
                first = Importer(source_uri=trained, artifact_type=Model).with_id("FirstPass")
                run([first, *graph.ingestion(config, root, scored, first.outputs["result"])], scored)
        served = graph.served_model(root, day)
        result = run([served, *graph.training(config, root, day, served.outputs["model"])], day)
    else:
        training = graph.training(config, root, day, served.outputs["model"], after=ingestion[-1])
        result = run([served, *ingestion, *training], day)
    return _record(config, workspace, day, pending, result.uris, seconds, core_seconds)


def day_run(workspace: Workspace, day: str | None = None) -> str:
    """`day`, or the last that was run, if none is named.

    Raises:
      DataRefused: it was not run.
    """
    runs = [info.base_name.removeprefix("day=") for info in workspace.list(workspace.uri("reports"))]
    if not runs or (day is not None and day not in runs):
        raise DataRefused(f"day {day or ''} was not run in {workspace.root}: run it first".replace("  ", " "))
    return day or max(runs)


def run_record(workspace: Workspace, day: str | None = None) -> dict[str, Any]:
    """`run.json` of a day, see `day_run`."""
    return workspace.read_json(workspace.uri("reports", f"day={day_run(workspace, day)}", "run.json"))


def _record(
    config: Config,
    workspace: Workspace,
    day: str,
    ingested: list[str],
    uris: dict[str, dict[str, str]],
    seconds: dict[str, float],
    core_seconds: dict[str, float],
) -> Outcome:
    """Writes `reports/day=D/run.json`, from which the report is drawn."""

    def read(component: str, output: str, name: str) -> Any:
        return workspace.read_json(f"{uris[component][output]}/{name}")

    pushed = read("Pusher", "pushed", "version.json")
    verdict = read("Blesser", "blessing", "verdict.json")
    record = {
        "day": day,
        "version": pushed["version"],
        "new": pushed["new"],
        "served_before": workspace.served(before=day),
        "verdict": verdict,
        "window": read("ExamplesWindow", "examples", "window.json"),
        "ingested": ingested,
        "metrics": read("Evaluator", "evaluation", "metrics.json"),
        "history": read("Trainer", "model_run", "weights/history.json"),
        "seconds": seconds,
        "core_seconds": core_seconds,
        "uris": uris,
        "config": config.model_dump(mode="json"),
        "declaration": config.declared.model_dump(mode="json"),
    }
    workspace.write_text(workspace.uri("reports", f"day={day}", "run.json"), json.dumps(record, indent=1))
    return Outcome(day, pushed["version"], pushed["new"], verdict["objections"], record)
