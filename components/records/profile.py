"""What a day looked like: sums, quantiles and samples that later days are compared with."""

from __future__ import annotations

from typing import ClassVar

import pydantic

from scenerank.components.records.record import Record

QUANTILES = (0.01, 0.1, 0.5, 0.9, 0.99)
"""Of each number."""


class KeySample(pydantic.BaseModel):
    """The keys with the smallest hashes: a fair sample that tells which of its keys another day has, too.

    Attributes:
      hashes: 64 bits each, ascending.
      complete: whether these are all keys of the day.
    """

    model_config = pydantic.ConfigDict(frozen=True)
    hashes: list[int] = []
    complete: bool = True


class Profile(Record):
    """`profile.json` of LogExampleGen, also beside published examples: a day's rows that fulfil the declaration.

    Attributes:
      rows, clicks: exact duplicates included.
      scenarios: rows and clicks of each.
      hours: rows of each hour of the day, `[24]`; empty where the day does not follow from the time.
      numbers: `QUANTILES` of each number, to 2 %.
      missing: rows without a value, by optional column.
      keys: of user and item.
    """

    FILE: ClassVar[str] = "profile.json"
    day: str = ""
    rows: int = 0
    clicks: int = 0
    scenarios: dict[str, tuple[int, int]] = {}
    hours: list[int] = []
    numbers: dict[str, list[float]] = {}
    missing: dict[str, int] = {}
    keys: dict[str, KeySample] = {}

    @property
    def click_rate(self) -> float:
        """Clicks over rows; 0 of no row."""
        return self.clicks / self.rows if self.rows else 0.0


class Finding(pydantic.BaseModel):
    """One thing about a day that is not as usual.

    Attributes:
      measure: its name, such as `rows` or `price`.
      description: what is found, what is usual, the limit and its setting.
    """

    model_config = pydantic.ConfigDict(frozen=True)
    measure: str
    description: str


class Findings(Record):
    """`findings.json` of ProfileValidator.

    Attributes:
      compared: days whose profiles say what is usual, oldest first.
      note: why the day was not compared; empty if it was.
    """

    FILE: ClassVar[str] = "findings.json"
    day: str = ""
    compared: list[str] = []
    note: str = ""
    findings: list[Finding] = []
