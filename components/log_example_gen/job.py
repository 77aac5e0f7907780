"""What every worker of an ingestion needs to know."""

from __future__ import annotations

import dataclasses

from scenerank.components.log_example_gen.settings import IngestSettings
from scenerank.schemas.declaration import Declaration


@dataclasses.dataclass(frozen=True)
class Job:
    """One ingestion.

    Attributes:
      workspace: URI.
      day: ISO date.
      declaration: JSON text.
      examples: URI of the examples' folder.
      split: URI of the split's folder in it.
      quarantine: URI of the folder for `quarantine.parquet` and `summary.json`.
      profile: URI of the folder for `profile.json`.
    """

    workspace: str
    day: str
    declaration: str
    settings: IngestSettings
    examples: str
    split: str
    quarantine: str
    profile: str

    def load(self) -> Declaration:
        """Reads the declaration."""
        return Declaration.model_validate_json(self.declaration)
