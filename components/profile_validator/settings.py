"""How far a day may be from the usual one."""

from __future__ import annotations

import pydantic

from scenerank.schemas.columns import Strict


class ProfileLimits(Strict):
    """Limits of what is usual. A day is compared with the median of the days before, with the last same weekday and
    with the last day that was accepted; what fits any of them is usual.

    Attributes:
      usual_days: published days before that say what is usual; 14 hold each weekday twice.
      least_days: so many must have a profile, or the day is not compared.
      noise: standard deviations by which a count or a share must also differ, so that small days are not stopped: at 5,
        chance alone makes one measure in a million unusual.
      rows_factor: rows lie between the usual ones over and times this; traffic rarely doubles overnight.
      hours_share: of the usually covered hours of the day that must have rows.
      click_rate_factor: the click rate lies between the usual one over and times this.
      scenario_factor: the same of a scenario's share of the rows and of its click rate, which vary more.
      scenario_share: scenarios with a smaller usual share of the rows are not judged.
      number_factor: the tenth, the half and nine tenths of a number lie within this factor of the usual ones, or
        between their usual neighbours (0.01 to 0.5, 0.1 to 0.9, 0.5 to 0.99).
      unseen_margin: by which the share of users or items that no day before had may exceed the usual one, and by no
        more than half of the share that is usually known.
      missing_margin: by which an optional column's share of missing values may differ from the usual one.
    """

    usual_days: int = pydantic.Field(14, ge=1)
    least_days: int = pydantic.Field(3, ge=1)
    noise: float = pydantic.Field(5.0, ge=0, allow_inf_nan=False)
    rows_factor: float = pydantic.Field(2.0, ge=1)
    hours_share: float = pydantic.Field(0.8, ge=0, le=1)
    click_rate_factor: float = pydantic.Field(2.0, ge=1)
    scenario_factor: float = pydantic.Field(4.0, ge=1)
    scenario_share: float = pydantic.Field(0.02, ge=0, le=1)
    number_factor: float = pydantic.Field(2.0, ge=1)
    unseen_margin: float = pydantic.Field(0.3, ge=0, le=1)
    missing_margin: float = pydantic.Field(0.2, ge=0, le=1)
