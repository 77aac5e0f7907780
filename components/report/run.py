"""What a report is drawn from: the record of a run and the paths that it names."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

from components.report.page import Missing
from components.workspace import Workspace
from schemas import Declaration, DeclarationError, load_declaration

CANDIDATE, SERVED, OVERALL = "candidate", "served", ""
LINEAGE = "assets.extra/lineage.json"
Metrics = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Run:
    """A day's run.

    Attributes:
      record: `run.json`.
    """

    workspace: Workspace
    day: str
    record: dict[str, Any]

    @classmethod
    def read(cls, workspace: Workspace, day: str) -> Run:
        """Raises:
        FileNotFoundError: the day was not run.
        """
        uri = workspace.uri("reports", f"day={day}", "run.json")
        if not workspace.exists(uri):
            raise FileNotFoundError(f"{uri} does not exist: run the day first")
        return cls(workspace, day, workspace.read_json(uri))

    @property
    def version(self) -> int:
        """0 if nothing was pushed."""
        return int(self.record.get("version") or 0)

    @property
    def slices(self) -> dict[str, dict[str, Metrics]]:
        return self.record.get("metrics", {}).get("slices", {})

    @property
    def overall(self) -> Metrics:
        """The candidate's metrics over all scenarios."""
        return self.slices.get(OVERALL, {}).get(CANDIDATE, {})

    @property
    def served(self) -> Metrics:
        """Those of the model it was compared with; empty where there was none."""
        return self.slices.get(OVERALL, {}).get(SERVED, {})

    @property
    def scenarios(self) -> list[str]:
        """The largest first."""
        names = [name for name in self.slices if name != OVERALL and CANDIDATE in self.slices[name]]
        return sorted(names, key=lambda name: (-self.slices[name][CANDIDATE]["examples"], name))

    @functools.cached_property
    def config(self) -> dict[str, Any]:
        """Configuration of the run: from its record, else from the pushed version's lineage; empty if neither is."""
        return self.record.get("config") or self._configured(self.version)

    def _configured(self, version: int) -> dict[str, Any]:
        lineage = f"{self.workspace.model(version)}/{LINEAGE}"
        return self.workspace.read_json(lineage).get("config", {}) if self.workspace.exists(lineage) else {}

    @property
    def model_name(self) -> str:
        name = self.config.get("trainer", {}).get("model") or self.record.get("history", {}).get("model")
        return name or "unknown"

    @functools.cached_property
    def declaration(self) -> Declaration:
        """Raises:
        Missing: neither the run's record nor the version pushed or in service tells which it was.
        """
        if "declaration" in self.record:
            return Declaration.model_validate(self.record["declaration"])
        before = self._configured(self.record.get("served_before") or 0)  # a workspace holds one data set
        name = self.config.get("declaration") or before.get("declaration")
        if not name:
            raise Missing("Neither the run's record nor a pushed version tells the declaration.")
        try:
            return load_declaration(name)
        except DeclarationError as error:
            raise Missing(f"The declaration cannot be read any more: {error}.") from None

    def artifact(self, component: str, output: str, *inside: str) -> str:
        """URI of what a component of the run left.

        Raises:
          Missing: it is not there any more.
        """
        uri = self.record.get("uris", {}).get(component, {}).get(output, "")
        # the workspace may have moved since
        path = "/".join((self.workspace.uri("tfx"), uri.rpartition("/tfx/")[2], *inside))
        if not uri or not self.workspace.exists(path):
            raise Missing(f"The {output.replace('_', ' ')} of {component} is no longer in the workspace.")
        return path
