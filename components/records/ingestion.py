"""What an ingestion counted."""

from __future__ import annotations

from typing import ClassVar

from scenerank.components.records.record import Record


def late_table(day: str) -> str:
    """Path in a quarantine of the rows of an earlier day, `day`."""
    return f"late/{day}.parquet"


class IngestionSummary(Record):
    """`summary.json` of a quarantine, also beside published examples.

    Attributes:
      rows_read, rows_accepted: of the day's logs.
      duplicates_dropped: rows that were there before, in all columns.
      redelivered_dropped: rows of impressions of which another row tells more.
      rows_late: rows kept for the earlier days that they are of, by day.
      quarantined: rows refused, by reason, the most frequent first.
      damaged_files: a sentence for each file that could not be read.
    """

    FILE: ClassVar[str] = "summary.json"
    day: str = ""
    rows_read: int = 0
    rows_accepted: int = 0
    duplicates_dropped: int = 0
    redelivered_dropped: int = 0
    rows_late: dict[str, int] = {}
    quarantined: dict[str, int] = {}
    damaged_files: list[str] = []

    @property
    def duplicates(self) -> int:
        """Rows left out because of others: exact duplicates and repeated deliveries."""
        return self.duplicates_dropped + self.redelivered_dropped

    @property
    def rows_refused(self) -> int:
        """Rows in quarantine, for whatever reason."""
        return sum(self.quarantined.values())
