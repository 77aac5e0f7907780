"""Whether a candidate may go into service.

An AUC is uncertain by its impressions. So a fall counts as larger than what is tolerated where the difference's own
standard error allows no other conclusion (one-sided, `evaluation.significance`), and not where chance would do.
"""

from __future__ import annotations

from scenerank.components.evaluator.confidence import Gap, half_width, holm
from scenerank.components.evaluator.deciding import deciding
from scenerank.components.evaluator.settings import EvaluationSettings
from scenerank.components.records.evaluation import CANDIDATE, CHAMPION, SERVED, Evaluation, SliceMetrics

THEIRS = "the served model's"


def objections(summary: Evaluation, settings: EvaluationSettings) -> list[str]:
    """One sentence for each rule that the candidate breaks; none means blessed.

    Args:
      summary: of the Evaluator.
    """
    candidate = summary.of(CANDIDATE)
    if candidate.auc is None:
        return ["the evaluation day has clicks of one kind only, so no AUC exists: check the label column"]
    found = []
    if candidate.auc < settings.min_auc:
        found.append(f"overall AUC {candidate.auc:.4f} is below evaluation.min_auc {settings.min_auc}")
    for other, whose, name in _overall(summary, settings):
        gap, margin = Gap.between(candidate, other), getattr(settings, name)
        if gap and gap.p(margin) <= settings.significance:
            found.append(f"overall AUC {_fallen(gap, candidate, other, whose, name, margin)}")
    pcoc, shown_to = candidate.pcoc_ordinary, "ordinary impressions"
    if pcoc is None:  # there were none, or none was clicked
        pcoc, shown_to = candidate.pcoc, "all impressions"
    if pcoc is None or not settings.pcoc_min <= pcoc <= settings.pcoc_max:
        shown = "undefined" if pcoc is None else f"{pcoc:.4f}"
        found.append(f"PCOC {shown} on {shown_to} lies outside [{settings.pcoc_min}, {settings.pcoc_max}]")
    return found + _scenarios(summary, settings)


def remarks(summary: Evaluation, settings: EvaluationSettings) -> list[str]:
    """Sentences on what a verdict rests on, where that is little, and on falls that it did not stop."""
    candidate = summary.of(CANDIDATE)
    if candidate.auc is None:
        return []
    found, level = [], settings.significance
    for other, whose, name in _overall(summary, settings):
        gap, margin = Gap.between(candidate, other), getattr(settings, name)
        if gap and gap.p(margin) > level >= gap.p(0.0):
            found.append(f"overall AUC has fallen by {-gap.value:.4f} from {whose}; {name} stops at {margin}")
    on = f"the verdict rests on {candidate.clicks:.0f} clicks"
    if not summary.has(SERVED):
        known = half_width(candidate)
        if known is None or known > settings.max_decline:
            found.append(f"{on}: the AUC is {'not known' if known is None else f'known to ±{known:.4f}'}")
        return found
    gap = Gap.between(candidate, summary.of(SERVED))
    if gap is None:
        return [*found, f"{on}, too few users with clicks to tell the two models apart"]
    unseen = settings.auc_margin + gap.noise(level)
    if unseen > settings.max_decline:
        now = f", nor is that by {-gap.value:.4f}" if gap.value < 0 and gap.p(settings.auc_margin) > level else ""
        found.append(f"{on}: a fall of AUC by less than {unseen:.4f} is not told from chance{now}")
    return found


def _overall(summary: Evaluation, settings: EvaluationSettings) -> list[tuple[SliceMetrics, str, str]]:
    """With whom the candidate is compared on all rows, and the setting that says how far it may fall."""
    champion = f"version {summary.champion}'s, the best of {settings.champion_days} days,"
    return [
        (summary.of(SERVED), THEIRS, "auc_margin"),
        (summary.of(CHAMPION), champion, "max_decline"),
    ]


def _scenarios(summary: Evaluation, settings: EvaluationSettings) -> list[str]:
    """Objections of the scenarios that decide, and of all others together, which is one more."""
    named = {f"scenario {scenario}": summary.slices[scenario] for scenario in deciding(summary, settings)}
    named["smaller scenarios together"] = summary.small
    pairs = {name: (models[CANDIDATE], models[SERVED]) for name, models in named.items() if SERVED in models}
    gaps = {name: gap for name, pair in pairs.items() if (gap := Gap.between(*pair))}
    margin = settings.scenario_auc_margin
    refused = holm([gap.p(margin) for gap in gaps.values()], settings.significance)
    return [
        f"{name}: AUC {_fallen(gap, *pairs[name], THEIRS, 'scenario_auc_margin', margin)}"
        for (name, gap), refuses in zip(gaps.items(), refused, strict=True)
        if refuses
    ]


def _fallen(gap: Gap, mine: SliceMetrics, other: SliceMetrics, whose: str, name: str, margin: float) -> str:
    return (
        f"{mine.auc:.4f} is {-gap.value:.4f} below {whose} {other.auc:.4f}, with a standard error of "
        f"{gap.error:.4f} on {mine.clicks:.0f} clicks: more than evaluation.{name} {margin}"
    )
