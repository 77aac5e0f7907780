"""Settings of the window of days."""

from __future__ import annotations

from typing import Literal

import pydantic

from scenerank.schemas.columns import Strict


class WindowSettings(Strict):
    """Days of training before the evaluated one.

    Attributes:
      days: how many, the validation days included.
      validation_days: the last of them, held out for early stopping; 0 trains a fixed number of epochs.
      stale: what becomes of published days whose logs, or whose settings, are not any more what they were made of:
        `rebuild` makes them again (a service that runs one day at a time refuses, and names the days), `refuse` does
        not run, `warn` says it and trains on them.
      missing: what becomes of days without logs, without rows, or refused: `skip` trains without them, `refuse` does
        not run.
      most_missing: how many days `skip` leaves out; beyond, the run is refused.
    """

    days: int = pydantic.Field(10, ge=1)
    validation_days: int = pydantic.Field(1, ge=0)
    stale: Literal["rebuild", "refuse", "warn"] = "rebuild"
    missing: Literal["refuse", "skip"] = "refuse"
    most_missing: int = pydantic.Field(1, ge=0)
