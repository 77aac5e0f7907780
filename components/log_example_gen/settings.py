"""Settings of ingestion."""

from __future__ import annotations

import pydantic

from scenerank.schemas.columns import Strict

MAX_PARTITIONS = 99_999
"""What a file's name has room for."""


class IngestSettings(Strict):
    """How a day is ingested.

    Attributes:
      partitions: groups of users, each held by one worker at a time and written as one file.
      max_quarantined_share: the run fails when a larger share of the day's rows was refused.
      batch_rows: rows of a log file read, checked and shuffled at once.
      late_days: rows of so many days before are kept for their own day, which takes them in when it is run again; older
        ones are refused.
      slice_rows: impressions whose histories are laid out at once.
      compression_level: of gzip, 1 (fast) to 9 (small).
    """

    partitions: int = pydantic.Field(32, ge=1, le=MAX_PARTITIONS)
    max_quarantined_share: float = pydantic.Field(0.05, ge=0, le=1)
    batch_rows: int = pydantic.Field(65_536, ge=1)
    late_days: int = pydantic.Field(7, ge=0)
    slice_rows: int = pydantic.Field(4_096, ge=1)
    compression_level: int = pydantic.Field(1, ge=1, le=9)
