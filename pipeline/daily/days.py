"""Days run one after the other, for a person at a terminal."""

from __future__ import annotations

import contextlib
import os
import time
import traceback
from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from scenerank.components import storage
from scenerank.components.evaluator.confidence import half_width
from scenerank.components.pusher.releases import release
from scenerank.components.records.attempt import attempts
from scenerank.components.records.evaluation import CANDIDATE, SERVED, SliceMetrics, shown_name
from scenerank.components.records.ingestion import IngestionSummary
from scenerank.components.records.run import run_record
from scenerank.components.trainer.job import TENSORBOARD
from scenerank.components.workspace import Workspace
from scenerank.errors import ExitCode, SceneRankError, WorkspaceError, cause_of
from scenerank.pipeline.config import Config, check_model, load_config
from scenerank.pipeline.daily.run import Outcome, run_day
from scenerank.pipeline.extras import advice
from scenerank.pipeline.terminal import Progress, quiet


def run_days(
    root: str,
    config_name: str,
    days: list[str],
    overrides: tuple[str, ...],
    verbose: bool,
    as_json: bool = False,
    resume: bool = True,
) -> int:
    """Runs days in order; stops at the first that is refused or fails.

    Args:
      as_json: prints nothing but the line of each run in `reports/runs.jsonl`, as it ends.
      resume: see `run_day`.

    Returns:
      The exit code: that of the worst day.
    """
    config = load_config(config_name, overrides)
    with quiet(None if verbose else os.devnull):
        check_model(config)
    workspace = Workspace(root)
    code = ExitCode.DONE
    for day in days:
        log = None if verbose or "://" in workspace.root else _log_file(workspace, day)
        with quiet(log) as console, _as_json(console, workspace, as_json):
            progress = Progress(console)
            try:
                outcome = _run(config, workspace, day, progress, resume)
            except (SceneRankError, KeyboardInterrupt):
                raise
            except Exception as error:
                traceback.print_exc()
                cause = cause_of(error)
                if cause is not None:
                    raise cause from None
                first = str(error).strip().splitlines()[0] if str(error).strip() else ""
                console.print(f"{day} failed: {type(error).__name__}: {first}", highlight=False, markup=False)
                console.print(f"what is in service and what was published are as before; details: {log or 'above'}")
                return ExitCode.FAILED
            finally:
                progress.stop()
            _print_outcome(console, workspace, outcome)
        code = code if outcome.blessed else ExitCode.NOT_BLESSED
    return code


@contextlib.contextmanager
def _as_json(console: Console, workspace: Workspace, wanted: bool) -> Iterator[None]:
    """Silences the console, and prints what was noted of the run when it has ended."""
    if not wanted:
        yield
        return
    before = attempts(workspace)[-1:]
    console.quiet = True
    try:
        yield
    finally:
        console.quiet = False
        for noted in attempts(workspace)[-1:]:
            if [noted] != before:
                print(noted.model_dump_json(), file=console.file, flush=True)


def _run(config: Config, workspace: Workspace, day: str, progress: Progress, resume: bool) -> Outcome:
    from scenerank.components.trainer.loop.progress import watched_by

    with watched_by(progress.training):
        return run_day(config, workspace.root, day, progress, resume)


def _log_file(workspace: Workspace, day: str) -> str:
    return os.path.join(_logs(workspace), f"{day}-{time.strftime('%Y%m%dT%H%M%S')}.log")


def last_log(root: str, day: str | None) -> str:
    """Path of what the libraries printed in the last run, or in the last of a day.

    Raises:
      WorkspaceError: there is none.
    """
    workspace = Workspace(root)
    names = [name for name in storage.names(_logs(workspace)) if name.startswith(day or "")]
    if not names:
        what = f"a run of {day}" if day else "a run"
        raise WorkspaceError(f"no log of {what} in {_logs(workspace)}: run one without -v, which leaves it there")
    return os.path.join(_logs(workspace), max(names, key=lambda name: name.rpartition("-")[2]))


def _logs(workspace: Workspace) -> str:
    return os.path.join(workspace.root, "tfx", "logs")


def _print_outcome(console: Console, workspace: Workspace, outcome: Outcome) -> None:
    table = Table("scenario", "rows", "click rate", "AUC ±95 %", "in service", "PCOC, ordinary", box=None)
    metrics = outcome.record.metrics
    for scenario in metrics.slices:
        mine, served = metrics.of(CANDIDATE, scenario), metrics.of(SERVED, scenario)
        aucs = (_auc(mine), _auc(served))
        numbers = (_shown(mine.click_rate), *aucs, _shown(mine.pcoc_ordinary))
        table.add_row(Text(shown_name(scenario)), f"{mine.examples:.0f}", *numbers)
    console.print(table)
    if outcome.record.resumed:
        said = "what an earlier run of the day had completed was not run again; --no-resume does"
        console.print(said, highlight=False)
    for sentence in (*outcome.record.remarks_on_days, *_late(workspace, outcome.record.ingested)):
        console.print(sentence, highlight=False)
    for remark in outcome.record.verdict.remarks:
        console.print(remark, highlight=False, markup=False)
    if outcome.blessed:
        what = "pushed" if outcome.new else "equal to the version already pushed"
        said = f"version {outcome.version} {what}: {workspace.model(outcome.version)}"
        console.print(said, highlight=False, markup=False)
        if (why := _silent(workspace, outcome.version)) is not None:
            console.print(f"it does not serve: {why}", highlight=False, markup=False)
    else:
        console.print("not pushed: " + "; ".join(outcome.objections), highlight=False, markup=False)
    try:
        drawn = draw_report(workspace.root, outcome.day)
    except ModuleNotFoundError as error:
        if not (drawn := advice(error) or ""):
            raise
    console.print(f"report: {drawn}", highlight=False)
    curves = f"{outcome.record.uris['Trainer']['model_run']}/{TENSORBOARD}"
    if storage.exists(curves):
        console.print(f"curves: tensorboard --logdir {curves}", highlight=False)


def _late(workspace: Workspace, days: list[str]) -> Iterator[str]:
    """What the logs of days had of days before."""
    for day in days:
        for own, rows in IngestionSummary.read(workspace.day("quarantine", day)).rows_late.items():
            yield f"{rows:,} rows of {own} came with the logs of {day}: `scenerank run --day {own}` takes them in"


def _silent(workspace: Workspace, version: int) -> str | None:
    """Why a pushed version does not serve; None where it does."""
    now = release(workspace)
    if version in now.withdrawn:
        return f"releases are held ({now.held})" if now.held else "it was withdrawn; `scenerank promote` brings it back"
    if version == now.canary:
        return "it is a canary, which `scenerank promote` puts into service"
    newer = now.stable is not None and now.stable > version
    return f"version {now.stable} is newer, and in service" if newer else None


def _auc(metrics: SliceMetrics) -> str:
    """An AUC and half of its 95 % confidence interval."""
    width = half_width(metrics)
    return _shown(metrics.auc) + ("" if width is None else f" ±{_shown(width)}")


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def draw_report(root: str, day: str | None) -> str:
    """Draws `reports/day=D/report.html` and returns its URI."""
    from scenerank.pipeline.report.build import build_report
    from scenerank.pipeline.simulated.known import known

    workspace = Workspace(root)
    return build_report(workspace, run_record(workspace, day).day, known)
