"""Which scenarios decide by themselves, and the evaluation completed with standard errors by `jackknife`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from scenerank.components.evaluator.jackknife import Replicates, error, together
from scenerank.components.evaluator.settings import EvaluationSettings
from scenerank.components.records.evaluation import CANDIDATE, OVERALL, SERVED, Evaluation, SliceMetrics


def deciding(summary: Evaluation, settings: EvaluationSettings) -> list[str]:
    """Scenarios with a say of their own: enough rows and clicks, both classes, scored by both models."""
    return [
        scenario
        for scenario in summary.slices
        if scenario != OVERALL
        and (mine := summary.of(CANDIDATE, scenario)).examples >= settings.min_scenario_examples
        and mine.clicks >= settings.min_scenario_clicks
        and mine.auc is not None
        and summary.of(SERVED, scenario).auc is not None
    ]


def with_errors(summary: Evaluation, replicates: Mapping[str, Replicates], settings: EvaluationSettings) -> Evaluation:
    """The evaluation with the errors of all AUCs, and with `small`.

    Args:
      replicates: by scenario, `OVERALL` among them.
    """
    slices = {
        scenario: {model: _with_error(metrics, model, replicates[scenario]) for model, metrics in models.items()}
        for scenario, models in summary.slices.items()
    }
    decided = {OVERALL, *deciding(summary, settings)}
    rest = [scenario for scenario in summary.slices if scenario not in decided]
    small = _small(summary, rest, replicates) if rest and summary.has(SERVED) else {}
    return summary.model_copy(update={"slices": slices, "small": small})


def _with_error(metrics: SliceMetrics, model: str, left_out: Replicates) -> SliceMetrics:
    mine, groups = left_out.auc(model), left_out.groups
    gap = None if model == CANDIDATE else error(left_out.auc(CANDIDATE) - mine, groups)
    freedom = int(min(groups.sum(), metrics.clicks)) - 1
    known = {"auc_error": error(mine, groups), "gap_error": gap, "freedom": freedom if freedom > 0 else None}
    return metrics.model_copy(update=known)


def _small(summary: Evaluation, rest: list[str], replicates: Mapping[str, Replicates]) -> dict[str, SliceMetrics]:
    left_out = together(replicates[scenario] for scenario in rest)
    found = {}
    for model in summary.models:
        own = [summary.of(model, scenario) for scenario in rest]
        auc = float(left_out.auc(model)[0])
        metrics = SliceMetrics(
            examples=sum(m.examples for m in own),
            clicks=sum(m.clicks for m in own),
            auc=auc if np.isfinite(auc) else None,
        )
        found[model] = _with_error(metrics, model, left_out)
    return found
