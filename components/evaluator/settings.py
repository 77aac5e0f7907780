"""What the evaluation demands of a candidate."""

from __future__ import annotations

import pydantic

from schemas.columns import Strict


class EvaluationSettings(Strict):
    """Thresholds of the blessing.

    Attributes:
      auc_margin: how far the overall AUC may fall below the served model's.
      scenario_auc_margin: the same for each scenario that is large enough to decide.
      min_scenario_examples: rows that a scenario needs to decide; smaller ones are only reported.
      min_scenario_clicks: clicks that it needs; 200 leave an AUC uncertain by about 0.02.
      pcoc_min, pcoc_max: band of predicted over observed click rate, overall, on impressions that nobody intervened in
        (a model cannot be held to the clicks that a badge won); on all where there are none such.
      min_auc: what the first model must reach; there is none to compare it with.
      batch_size: rows scored at once.
    """

    auc_margin: float = pydantic.Field(0.002, ge=0)
    scenario_auc_margin: float = pydantic.Field(0.03, ge=0)
    min_scenario_examples: int = pydantic.Field(2000, ge=1)
    min_scenario_clicks: int = pydantic.Field(200, ge=1)
    pcoc_min: float = pydantic.Field(0.7, ge=0)
    pcoc_max: float = pydantic.Field(1.4, ge=0)
    min_auc: float = pydantic.Field(0.5, ge=0, le=1)
    batch_size: int = pydantic.Field(4096, ge=1)
