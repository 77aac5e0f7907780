"""What may be chosen about Fairness Coefficients."""

from __future__ import annotations

import pydantic

from schemas.columns import Strict


class FairnessSettings(Strict):
    """Smoothing and clipping.

    Attributes:
      prior: impressions at the scenario's mean score that every item is given before its own.
      clip_min, clip_max: bounds of the coefficient that examples carry; the table keeps the raw one too.
    """

    prior: float = pydantic.Field(0.0, ge=0, allow_inf_nan=False)
    clip_min: float = pydantic.Field(0.1, ge=0, le=1)
    clip_max: float = pydantic.Field(10.0, ge=1, allow_inf_nan=False)
