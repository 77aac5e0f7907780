"""Settings of the checks that a day must pass before it is published."""

from __future__ import annotations

from typing import Any, Literal

import pydantic

from scenerank.components.days import is_day
from scenerank.components.profile_validator.settings import ProfileLimits


class CheckSettings(ProfileLimits):
    """Checks of a day against its declaration, the day before, and what is usual: the median of the days before, the
    last same weekday, or the last accepted day.

    Attributes:
      severity: anomalies of this severity or worse stop the run; `none` only records them. A day unlike the usual ones
        is an error.
      drift_threshold: Jensen-Shannon divergence (numbers) or L-infinity distance (categories) from the
        previous day above which a column has drifted.
      statistics_sample_rate: share of the rows that statistics are taken from.
      require_marker: file that a day's folder of logs must hold before it is read, such as `_SUCCESS`; its name begins
        with `_` or `.`, as else it were a log; empty: none.
      accept: days that pass whatever the checks find, each with the reason, which is recorded.
    """

    severity: Literal["error", "warning", "none"] = "error"
    drift_threshold: float = pydantic.Field(0.3, gt=0)
    statistics_sample_rate: float = pydantic.Field(1.0, gt=0, le=1)
    require_marker: str = pydantic.Field("", pattern=r"^([._][^/]*)?$")
    accept: dict[str, str] = {}

    @pydantic.field_validator("require_marker", mode="before")
    @classmethod
    def _none(cls, given: Any) -> Any:
        return "" if given is None else given

    @pydantic.field_validator("accept", mode="before")
    @classmethod
    def _days(cls, given: Any) -> Any:
        """YAML takes an unquoted day for a date."""
        if not isinstance(given, dict):
            return given
        days = {str(day): reason for day, reason in given.items()}
        for day, reason in days.items():
            if not is_day(day):
                raise ValueError(f"{day!r} is no day: write it as 2022-05-31")
            if not isinstance(reason, str) or not reason.strip():
                raise ValueError(f"{day} needs a reason, a text that is recorded with the day")
        return days

    @property
    def limits(self) -> str:
        """JSON of the limits of what is usual."""
        return self.model_dump_json(include={*ProfileLimits.model_fields})
