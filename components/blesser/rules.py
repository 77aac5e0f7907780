"""Whether a candidate may go into service."""

from __future__ import annotations

from typing import Any

from components.evaluator.settings import EvaluationSettings

CANDIDATE, SERVED, OVERALL = "candidate", "served", ""


def objections(summary: dict[str, Any], settings: EvaluationSettings) -> list[str]:
    """One sentence for each rule that the candidate breaks; none means blessed.

    Args:
      summary: `metrics.json` of the Evaluator.
    """
    overall = summary["slices"][OVERALL]
    candidate, served = overall[CANDIDATE], overall.get(SERVED)
    if candidate["auc"] is None:
        return ["the evaluation day has clicks of one kind only, so no AUC exists: check the label column"]
    found = []
    if candidate["auc"] < settings.min_auc:
        found.append(f"overall AUC {candidate['auc']:.4f} is below evaluation.min_auc {settings.min_auc}")
    if served and served["auc"] is not None and candidate["auc"] < served["auc"] - settings.auc_margin:
        found.append(
            f"overall AUC {candidate['auc']:.4f} is more than {settings.auc_margin} below the served model's "
            f"{served['auc']:.4f}"
        )
    pcoc, shown_to = candidate["pcoc_ordinary"], "ordinary impressions"
    if pcoc is None:  # there were none, or none was clicked
        pcoc, shown_to = candidate["pcoc"], "all impressions"
    if pcoc is None or not settings.pcoc_min <= pcoc <= settings.pcoc_max:
        shown = "undefined" if pcoc is None else f"{pcoc:.4f}"
        found.append(f"PCOC {shown} on {shown_to} lies outside [{settings.pcoc_min}, {settings.pcoc_max}]")
    for scenario in deciding(summary, settings):
        here = summary["slices"][scenario]
        if here[CANDIDATE]["auc"] < here[SERVED]["auc"] - settings.scenario_auc_margin:
            found.append(
                f"scenario {scenario}: AUC {here[CANDIDATE]['auc']:.4f} is more than {settings.scenario_auc_margin} "
                f"below the served model's {here[SERVED]['auc']:.4f}"
            )
    return found


def deciding(summary: dict[str, Any], settings: EvaluationSettings) -> list[str]:
    """Scenarios large enough to have a say: enough rows and clicks, both classes, scored by both models."""
    return [
        scenario
        for scenario, here in summary["slices"].items()
        if scenario != OVERALL
        and here[CANDIDATE]["examples"] >= settings.min_scenario_examples
        and here[CANDIDATE]["clicks"] >= settings.min_scenario_clicks
        and here[CANDIDATE]["auc"] is not None
        and here.get(SERVED, {}).get("auc") is not None
    ]
