"""What an evaluation found."""

from __future__ import annotations

from typing import Any, ClassVar

import pydantic

from scenerank.components.records.record import Record

CANDIDATE, SERVED, CHAMPION, OVERALL = "candidate", "served", "champion", ""
"""The model that was trained, the one in service, the best of the last weeks, and the slice of all scenarios."""

ALL = "all scenarios"


def shown_name(scenario: str) -> str:
    """A slice's name for people: that of all is none that a scenario has."""
    if scenario == OVERALL:
        return ALL
    return f"'{scenario}'" if scenario == ALL else scenario


class SliceMetrics(pydantic.BaseModel):
    """A model's metrics on a scenario's rows, or on all; None for what too few or one-class rows leave undefined.

    Attributes:
      examples, clicks: rows, and those clicked.
      auc_error: standard error of `auc` by users, see `components.evaluator.jackknife`.
      gap_error: that of the candidate's AUC minus this model's, on the same rows; None for the candidate itself.
      freedom: degrees of freedom of both.
      pcoc: mean score over click rate; pcoc_ordinary: of rows that nobody intervened in, `ordinary_examples`, weighed
        so that they fill the places of all.
      gauc: AUC within requests, weighed by rows; of `requests`, of which `one_class_requests` have none.
    """

    model_config = pydantic.ConfigDict(extra="allow", frozen=True)
    examples: float = 0.0
    clicks: float = 0.0
    auc: float | None = None
    auc_error: float | None = None
    gap_error: float | None = None
    freedom: int | None = None
    log_loss: float | None = None
    pcoc: float | None = None
    mean_score: float | None = None
    gauc: float | None = None
    requests: float | None = None
    one_class_requests: float | None = None
    pcoc_ordinary: float | None = None
    ordinary_examples: float | None = None

    @property
    def click_rate(self) -> float | None:
        """Clicks over examples; None where there is none."""
        return self.clicks / self.examples if self.examples else None


NOTHING = SliceMetrics()
"""Of a model that was not evaluated."""


class Evaluation(Record):
    """`metrics.json` of the Evaluator.

    Attributes:
      slices: metrics by scenario, `OVERALL` among them, and model.
      small: metrics by model of the scenarios too small to decide by themselves, together: `auc` within scenarios; none
        where nothing was in service.
      champion: version of the model `CHAMPION`; None where the one in service is the best.
      calibration: of each model, bins of its log odds: rows, clicks and summed score of each.
    """

    FILE: ClassVar[str] = "metrics.json"
    slices: dict[str, dict[str, SliceMetrics]] = {}
    small: dict[str, SliceMetrics] = {}
    champion: int | None = None
    calibration: dict[str, Any] = {}

    def of(self, model: str, scenario: str = OVERALL) -> SliceMetrics:
        """A model's metrics, `NOTHING` where it has none there."""
        return self.slices.get(scenario, {}).get(model, NOTHING)

    def has(self, model: str, scenario: str = OVERALL) -> bool:
        """Whether the model was evaluated there."""
        return model in self.slices.get(scenario, {})

    @property
    def models(self) -> list[str]:
        """Names of the models that were evaluated."""
        return list(self.slices.get(OVERALL, {}))

    @property
    def scenarios(self) -> list[str]:
        """Those that the candidate was evaluated on, the largest first."""
        names = [name for name in self.slices if name != OVERALL and self.has(CANDIDATE, name)]
        return sorted(names, key=lambda name: (-self.of(CANDIDATE, name).examples, name))
