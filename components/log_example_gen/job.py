"""What every worker of an ingestion needs to know."""

from __future__ import annotations

import dataclasses

from components.log_example_gen.settings import IngestSettings
from schemas.declaration import Declaration


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
    """

    workspace: str
    day: str
    declaration: str
    settings: IngestSettings
    examples: str
    split: str
    quarantine: str

    def load(self) -> Declaration:
        return Declaration.model_validate_json(self.declaration)
