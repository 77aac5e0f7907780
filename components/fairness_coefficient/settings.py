"""What may be chosen about Fairness Coefficients."""

from __future__ import annotations

from typing import Literal

import pydantic

from scenerank.schemas.columns import Strict


class FairnessSettings(Strict):
    """Which reading of SAR-Net's Eq. 1, how far back it looks, smoothing and clipping.

    Attributes:
      numerator: `exposure`: what a pair of item and scenario would have been shown today had nobody intervened, as
        earlier days tell, or the log's own column of group `intervention` where it has one; `score`: the sum of the
        scores that the model in service gives the day's impressions, Eq. 1 to the letter.
      days: earlier published days that `exposure` looks at.
      prior: impressions that draw a pair's coefficient towards 1 before its own count. none: with `exposure` so many
        as the days' variation tells (many where nobody intervenes), with `score` or a flag 0.
      clip_min, clip_max: bounds of the coefficient that examples carry; the table keeps the raw one too.
    """

    numerator: Literal["exposure", "score"] = "exposure"
    days: int = pydantic.Field(14, ge=1)
    prior: float | None = pydantic.Field(None, ge=0, allow_inf_nan=False)
    clip_min: float = pydantic.Field(0.1, ge=0, le=1)
    clip_max: float = pydantic.Field(10.0, ge=1, allow_inf_nan=False)
