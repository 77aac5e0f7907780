"""Days as schedulers write them: a date, and how many days before or after it."""

from __future__ import annotations

import re

from scenerank.components.workspace import shift
from scenerank.errors import DataError

WRITTEN = re.compile(r"(\d{4}-\d{2}-\d{2})([+-]\d{1,4})?")


def is_day(text: str) -> bool:
    """Whether a text is a date as folders have it; newer Pythons read more ways to write one."""
    try:
        return shift(text, 0) == text
    except ValueError:
        return False


def day_of(text: str) -> str:
    """The day that `text` means, an ISO date: `2024-03-02` itself, `2024-03-01` for `2024-03-02-1`.

    A scheduler that puts in its date, but cannot reckon with it, so names the day before.

    Raises:
      DataError: the text is neither.
    """
    match = WRITTEN.fullmatch(text)
    try:
        if match:
            return shift(match[1], int(match[2] or 0))
    except (ValueError, OverflowError):
        pass
    if "[[" in text:
        raise DataError(
            f"the day is {text!r}, which this release of Kubeflow Pipelines did not put a date into: "
            "update it, or schedule with the CronJob that `scenerank schedule` prints"
        )
    raise DataError(f"{text!r} is no day: write it as 2022-05-31, or 2022-05-31-1 for the day before")
