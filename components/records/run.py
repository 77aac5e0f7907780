"""What a day's run leaves to be told of."""

from __future__ import annotations

from typing import Any, ClassVar

from scenerank.components.records.evaluation import Evaluation
from scenerank.components.records.record import Record
from scenerank.components.records.release import Blessing
from scenerank.components.records.window import Window
from scenerank.components.workspace import DAY, Workspace
from scenerank.errors import WorkspaceError


class RunRecord(Record):
    """`run.json` of a day, from which its report is drawn.

    Attributes:
      version: that was pushed, 0 if none; new: see `Pushed`.
      served_before: version in service as the run began; None if none.
      ingested: days that were taken in.
      stale: published days of the window whose logs or settings had changed since, and what; made again where
        `ingested` has them.
      skipped: days of the window that it was trained without, and why.
      accepted: those of them that a person let pass whatever the checks found, and why.
      resumed: whether components were taken from an earlier run of the day.
      history: of the training, see `components.trainer.run`.
      seconds, core_seconds: wall clock and processor time of each component.
      uris: of each component's outputs.
      config, declaration: of the run.
    """

    FILE: ClassVar[str] = "run.json"
    day: str
    version: int | None = None
    new: bool = True
    served_before: int | None = None
    verdict: Blessing = Blessing()
    window: Window = Window()
    ingested: list[str] = []
    stale: dict[str, list[str]] = {}
    skipped: dict[str, str] = {}
    accepted: dict[str, str] = {}
    resumed: bool = False
    metrics: Evaluation = Evaluation()
    history: dict[str, Any] = {}
    seconds: dict[str, float | None] = {}
    core_seconds: dict[str, float] | None = None
    uris: dict[str, dict[str, str]] = {}
    config: dict[str, Any] | None = None
    declaration: dict[str, Any] | None = None

    @property
    def remarks_on_days(self) -> list[str]:
        """A sentence on each day of the window that was made again, taken though it had changed, or left out."""
        found = []
        for day, changes in self.stale.items():
            what = "was made again" if day in self.ingested else "is not any more what it was made of"
            found.append(f"{day} {what}: {', '.join(changes)}")
        return [*found, *(f"trained without {day}: {why}" for day, why in self.skipped.items())]


def run_days(workspace: Workspace) -> list[str]:
    """Days that were run, oldest first."""
    found = (DAY.search(info.base_name) for info in workspace.list(workspace.uri("reports")))
    return [m.group(1) for m in found if m and workspace.exists(f"{report_folder(workspace, m.group(1))}/run.json")]


def run_record(workspace: Workspace, day: str | None = None) -> RunRecord:
    """The record of a day; of the last that was run, if none is named.

    Raises:
      WorkspaceError: it was not run.
    """
    named = day or max(run_days(workspace), default="")
    record = RunRecord.find(report_folder(workspace, named)) if named else None
    if record is None:
        raise WorkspaceError(f"day {day or ''} was not run in {workspace.root}: run it first".replace("  ", " "))
    return record


def report_folder(workspace: Workspace, day: str) -> str:
    """Where a day's record and report lie."""
    return workspace.uri("reports", f"day={day}")
