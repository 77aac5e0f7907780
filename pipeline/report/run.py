"""What a report is drawn from: the record of a run and the paths that it names."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

from scenerank.components.records.evaluation import CANDIDATE, SERVED, Evaluation, SliceMetrics
from scenerank.components.records.release import ModelLineage
from scenerank.components.records.run import RunRecord, report_folder
from scenerank.components.workspace import Workspace
from scenerank.errors import WorkspaceError
from scenerank.pipeline.drawing.page import Missing
from scenerank.schemas import Declaration, DeclarationError, load_declaration


@dataclasses.dataclass(frozen=True)
class Run:
    """A day's run.

    Attributes:
      record: `run.json`.
    """

    workspace: Workspace
    day: str
    record: RunRecord

    @classmethod
    def read(cls, workspace: Workspace, day: str) -> Run:
        """Raises:
        WorkspaceError: the day was not run.
        """
        record = RunRecord.find(report_folder(workspace, day))
        if record is None:
            raise WorkspaceError(f"{report_folder(workspace, day)} has no {RunRecord.FILE}: run the day first")
        return cls(workspace, day, record)

    @property
    def version(self) -> int:
        """0 if nothing was pushed."""
        return self.record.version or 0

    @property
    def metrics(self) -> Evaluation:
        """Metrics by slice and model; none where the run has no such record."""
        return self.record.metrics

    @property
    def overall(self) -> SliceMetrics:
        """The candidate's metrics over all scenarios."""
        return self.metrics.of(CANDIDATE)

    @property
    def served(self) -> SliceMetrics | None:
        """Those of the model it was compared with; None where there was none."""
        return self.metrics.of(SERVED) if self.metrics.has(SERVED) else None

    @functools.cached_property
    def config(self) -> dict[str, Any]:
        """Configuration of the run: from its record, else from the pushed version's lineage; empty if neither is."""
        return self.record.config or self._configured(self.version)

    def _configured(self, version: int) -> dict[str, Any]:
        lineage = self._lineage(version)
        return lineage.config if lineage else {}

    def _lineage(self, version: int) -> ModelLineage | None:
        return ModelLineage.find(self.workspace.model(version))

    @property
    def model_name(self) -> str:
        """Name of the model that was trained; `unknown` where neither configuration nor record says."""
        name = self.config.get("trainer", {}).get("model") or self.record.history.get("model")
        return name or "unknown"

    @functools.cached_property
    def declaration(self) -> Declaration:
        """Raises:
        Missing: neither the run's record nor the version pushed or in service tells which it was.
        """
        if self.record.declaration is not None:
            return Declaration.model_validate(self.record.declaration)
        before = self._lineage(self.record.served_before or 0)  # a workspace holds one data set
        lineage = self._lineage(self.version) or before
        name = self.config.get("declaration") or (before.config if before else {}).get("declaration")
        try:
            if lineage is not None and lineage.declaration is not None:
                return lineage.declared
            if name:
                return load_declaration(name)
        except DeclarationError as error:
            raise Missing(f"The declaration cannot be read any more: {error}.") from None
        raise Missing("Neither the run's record nor a pushed version tells the declaration.")

    def artifact(self, component: str, output: str, *inside: str) -> str:
        """URI of what a component of the run left.

        Raises:
          Missing: it is not there any more.
        """
        uri = self.record.uris.get(component, {}).get(output, "")
        # the workspace may have moved since
        path = "/".join((self.workspace.uri("tfx"), uri.rpartition("/tfx/")[2], *inside))
        if not uri or not self.workspace.exists(path):
            raise Missing(f"The {output.replace('_', ' ')} of {component} is no longer in the workspace.")
        return path
