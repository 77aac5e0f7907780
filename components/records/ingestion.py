"""What an ingestion counted."""

from __future__ import annotations

from typing import ClassVar

from scenerank.components.records.record import Record


class IngestionSummary(Record):
    """`summary.json` of a quarantine, also beside published examples.

    Attributes:
      rows_read, rows_accepted, duplicates_dropped: of the day's logs.
      quarantined: rows refused, by reason, the most frequent first.
      damaged_files: a sentence for each file that could not be read.
    """

    FILE: ClassVar[str] = "summary.json"
    day: str = ""
    rows_read: int = 0
    rows_accepted: int = 0
    duplicates_dropped: int = 0
    quarantined: dict[str, int] = {}
    damaged_files: list[str] = []

    @property
    def rows_refused(self) -> int:
        """Rows in quarantine, for whatever reason."""
        return sum(self.quarantined.values())
