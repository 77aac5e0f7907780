"""What the evaluation demands of a candidate."""

from __future__ import annotations

import pydantic

from scenerank.schemas.columns import Strict


class EvaluationSettings(Strict):
    """Thresholds of the blessing.

    Attributes:
      significance: how often a model that falls by exactly what is tolerated may be refused, 0.05 for one in twenty: a
        fall counts as larger than a margin where its own standard error allows no other conclusion. It holds for all
        scenarios that decide, taken together.
      auc_margin: how far the overall AUC may fall below the served model's.
      scenario_auc_margin: the same for each scenario that is large enough to decide, and for all others together.
      min_scenario_examples: rows that a scenario needs to decide by itself; smaller ones decide together.
      min_scenario_clicks: clicks that it needs; 200 leave an AUC uncertain by about 0.02.
      champion_days: the candidate is compared with the best version of so many days, too; 0 compares with the one in
        service alone.
      max_decline: how far the overall AUC may fall below that version's, so that small falls do not add up. A verdict
        on so few clicks that a larger fall would pass says so.
      pcoc_min, pcoc_max: band of predicted over observed click rate, overall, on impressions that nobody intervened in
        (a model cannot be held to the clicks that a badge won); on all where there are none such.
      min_auc: what every candidate's overall AUC must reach, be there a model in service or none.
      batch_size: rows scored at once.
    """

    significance: float = pydantic.Field(0.05, gt=0, lt=0.5)
    auc_margin: float = pydantic.Field(0.002, ge=0)
    scenario_auc_margin: float = pydantic.Field(0.01, ge=0)
    min_scenario_examples: int = pydantic.Field(2000, ge=1)
    min_scenario_clicks: int = pydantic.Field(200, ge=1)
    champion_days: int = pydantic.Field(28, ge=0)
    max_decline: float = pydantic.Field(0.01, ge=0)
    pcoc_min: float = pydantic.Field(0.7, ge=0)
    pcoc_max: float = pydantic.Field(1.4, ge=0)
    min_auc: float = pydantic.Field(0.5, ge=0, le=1)
    batch_size: int = pydantic.Field(4096, ge=1)
