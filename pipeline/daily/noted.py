"""Notes how a run ends, however it does, and tells whom it concerns."""

from __future__ import annotations

import datetime
import importlib.metadata
import logging
import time
from types import TracebackType
from typing import Any

from scenerank.components.records.attempt import Attempt, note, state_of
from scenerank.components.records.evaluation import CANDIDATE
from scenerank.components.records.ingestion import IngestionSummary
from scenerank.components.records.run import RunRecord
from scenerank.components.workspace import Workspace
from scenerank.errors import ExitCode, SceneRankError, WorkspaceError, cause_of
from scenerank.pipeline.config import Config
from scenerank.pipeline.daily.notify import notify
from scenerank.pipeline.daily.prometheus import write_metrics


class Noted:
    """Within it, a run: its line in `reports/runs.jsonl` says that it runs, and at the end how it ended.

    Who enters holds the lock of runs.

    Attributes:
      component: that is at work, to be set.
      record: of the run, to be set once there is one.
    """

    def __init__(self, config: Config, workspace: Workspace, day: str):
        self.component = ""
        self.record: RunRecord | None = None
        self._config, self._workspace = config, workspace
        started = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds")
        self._attempt = Attempt(day=day, started=started, code_version=importlib.metadata.version("scenerank"))

    def __enter__(self) -> Noted:
        self._since = time.monotonic()
        note(self._workspace, self._attempt)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        attempt = self._ended(error)
        try:
            note(self._workspace, attempt)
            write_metrics(self._workspace, self._config.declared.name)
        except OSError as failed:  # of the file system; the run's own error is the one to be told
            logging.warning("how the run of %s ended could not be noted: %s", attempt.day, failed)
        notify(self._config.notify, attempt)

    def _ended(self, error: BaseException | None) -> Attempt:
        code, sentence = self._judged(error)
        found = {
            "state": state_of(code),
            "exit_code": int(code),
            "sentence": sentence,
            "component": self.component if error else "",
            "seconds": round(time.monotonic() - self._since, 1),
        }
        found |= self._counted()
        if self.record is not None:
            candidate = self.record.metrics.of(CANDIDATE)
            found |= {"version": self.record.version or 0, "auc": candidate.auc, "pcoc": candidate.pcoc}
        return self._attempt.model_copy(update=found)

    def _counted(self) -> dict[str, Any]:
        """Rows of the day; what cannot be read must not hide how the run ended."""
        try:
            counts = IngestionSummary.read(self._workspace.day("quarantine", self._attempt.day))
        except (OSError, ValueError, WorkspaceError):
            return {}
        rows = {"rows": counts.rows_accepted, "quarantined": counts.rows_refused}
        return {**rows, "duplicates": counts.duplicates, "late": counts.rows_late}

    def _judged(self, error: BaseException | None) -> tuple[ExitCode, str]:
        if error is None:
            assert self.record is not None
            return (ExitCode.DONE, "") if self.record.version else (
                ExitCode.NOT_BLESSED,
                "; ".join(self.record.verdict.objections),
            )  # fmt: skip
        cause = cause_of(error)
        if isinstance(cause, SceneRankError):
            return cause.exit_code, str(cause)
        if isinstance(cause, KeyboardInterrupt):
            return ExitCode.INTERRUPTED, "interrupted"
        return ExitCode.FAILED, f"{type(error).__name__}: {' '.join(str(error).split())[:500]}"
