"""How each run of a workspace ended, a line each."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable
from typing import ClassVar

from scenerank.components.records.record import Record
from scenerank.components.workspace import Workspace
from scenerank.errors import ExitCode

KEPT = 1000
RUNNING, PUSHED, NOT_BLESSED, REFUSED, FAILED, INTERRUPTED = (
    "running", "pushed", "not blessed", "refused", "failed", "interrupted",
)  # fmt: skip


class Attempt(Record):
    """A line of `reports/runs.jsonl`.

    Attributes:
      day: that was run.
      started: when, in UTC as ISO 8601; it names the run.
      seconds: wall clock, None as long as it runs.
      state: `running`, `pushed`, `not blessed`, `refused`, `failed` or `interrupted`; one that was killed stays
        `running`.
      exit_code: of the command, None as long as it runs.
      sentence: what was wrong; empty where nothing was.
      component: which was at work when the run ended; empty where it ran to its end.
      version: pushed, or found equal; 0 if none.
      rows, quarantined, duplicates: of the day, where it was ingested; exact duplicates and repeated deliveries.
      late: rows kept for earlier days, by day.
      auc, pcoc: of the candidate, None where none was evaluated.
      code_version: of this package.
    """

    FILE: ClassVar[str] = "runs.jsonl"
    day: str
    started: str
    seconds: float | None = None
    state: str = RUNNING
    exit_code: int | None = None
    sentence: str = ""
    component: str = ""
    version: int = 0
    rows: int | None = None
    quarantined: int | None = None
    duplicates: int | None = None
    late: dict[str, int] = {}
    auc: float | None = None
    pcoc: float | None = None
    code_version: str = ""

    @property
    def ended(self) -> datetime.datetime | None:
        """When, in UTC; None as long as it runs."""
        if self.seconds is None:
            return None
        return datetime.datetime.fromisoformat(self.started) + datetime.timedelta(seconds=self.seconds)


def attempts(workspace: Workspace) -> list[Attempt]:
    """The last runs of a workspace, oldest first."""
    uri = _uri(workspace)
    if not workspace.exists(uri):
        return []
    lines = workspace.read_text(uri).splitlines()
    return [Attempt.parse(json.loads(line), f"{uri}, line {number}") for number, line in enumerate(lines, 1)]


def note(workspace: Workspace, attempt: Attempt) -> None:
    """Adds a run, or replaces what was noted of it; the last `KEPT` stay. Who calls holds the lock of runs."""
    known = [other for other in attempts(workspace) if (other.day, other.started) != (attempt.day, attempt.started)]
    lines = (other.model_dump_json(exclude_unset=True) for other in [*known, attempt][-KEPT:])
    workspace.write_text(_uri(workspace), "".join(f"{line}\n" for line in lines))


def rejections(known: list[Attempt]) -> int:
    """How many models in a row were not blessed, up to the last run that got that far."""
    return in_a_row(a.state == NOT_BLESSED for a in known if a.state in (PUSHED, NOT_BLESSED))


def in_a_row(found: Iterable[bool]) -> int:
    """How many of the last are true without a break."""
    held = [*found]
    return next((n for n, true in enumerate(reversed(held)) if not true), len(held))


def state_of(code: ExitCode) -> str:
    """The state of a run whose command ends like that."""
    known = {
        ExitCode.DONE: PUSHED,
        ExitCode.NOT_BLESSED: NOT_BLESSED,
        ExitCode.INTERRUPTED: INTERRUPTED,
        ExitCode.TERMINATED: INTERRUPTED,
        ExitCode.FAILED: FAILED,
    }
    return known.get(code, REFUSED)


def _uri(workspace: Workspace) -> str:
    return workspace.uri("reports", Attempt.FILE)
