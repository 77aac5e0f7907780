"""SAR-Net: attention over behaviors, and what the ranking shows (the paper's Figures 3 and 4)."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure as Canvas

from scenerank.pipeline.drawing import style
from scenerank.pipeline.drawing.page import Figure, Missing, percent
from scenerank.pipeline.explain.picture import Picture
from scenerank.pipeline.explain.subject import Subject
from scenerank.pipeline.report import attention
from scenerank.pipeline.report.attention_weights import require_attention
from scenerank.pipeline.simulated import exposure
from scenerank.schemas import HISTORY_LENGTH
from scenerank.schemas.columns import HISTORY_TYPE

CATEGORY = {"simulator": "category", "kuairand": "tag", "ali_ccp": "category"}
"""Column of items that says what kind they are, by declaration."""
DRAWN = 16
"""Categories, the largest."""
LEAST = 30
"""Impressions below which a category has no click rate."""
TENTH = 0.1


def attention_picture(subject: Subject) -> Picture:
    """How much the model attends to a behavior by the scenario looked at and the behavior's scenario and type.

    Raises:
      Missing: no attention over behaviors.
    """
    require_attention(subject.model)
    f, test = subject.prepared.features, subject.prepared.test
    kinds = {"scenario": next((x for x in f.group("behavior_scenario") if x.source == f.scenario), None)}
    kinds["type"] = next((x for x in f.group("behavior") if x.name == HISTORY_TYPE.name), None)
    columns = {of: feature.name for of, feature in kinds.items() if feature is not None}
    if not columns:
        raise Missing("The behaviors have neither scenario nor type.")
    rows = subject.sample(attention.PER_SCENARIO, np.diff(test.splits.numpy()) > 0)
    weight, length, behaviors = subject.compute(lambda features: _weights(subject, features, columns), rows)
    current = subject.named(test.scenarios[rows])
    types = np.array(["unknown", *(subject.declaration.history.types if subject.declaration.history else {})], object)
    names = {"scenario": subject.named, "type": lambda index: types[np.where(index < len(types), index, 0)]}
    numbers, blocks = {}, []
    for of, index in behaviors.items():
        found = attention.summarize(current, names[of](index), weight, length)
        blocks.append(attention.chart(found, of, "of the test"))
        numbers[of] = {
            "scenario": found.current, "behavior": found.behavior, "behaviors": found.behaviors,
            "relative": found.relative, "rows": found.rows,
        }  # fmt: skip
    lead = "How much weight the candidate item gives a past behavior; 1 is the average behavior of the same history."
    return Picture("attention", "Attention over behaviors", lead, blocks, numbers)


def _weights(
    subject: Subject, features: dict[str, tf.Tensor], columns: dict[str, str]
) -> tuple[tf.Tensor, tf.Tensor, dict[str, tf.Tensor]]:
    """Weights `[n]` of all behaviors of the rows, the rows' lengths `[B]`, and the behaviors' columns `[n]`."""
    weight, length = subject.model.attention_weights(features), features[HISTORY_LENGTH]
    real = tf.sequence_mask(length, tf.shape(weight)[1])
    return (
        tf.boolean_mask(weight, real),
        length,
        {of: tf.boolean_mask(features[name], real) for of, name in columns.items()},
    )


def exposure_picture(subject: Subject) -> Picture:
    """Share of exposure and click rate by item category, as logged and as the model would rank.

    Raises:
      Missing: the data set has no such column, or its raw examples are gone.
    """
    column = CATEGORY.get(subject.declaration.name)
    if column is None:
        raise Missing(f"{subject.declaration.name} has no column that tells an item's category.")
    category = subject.raw([column])[column].astype(str)
    chosen, place = _chosen(subject)
    names = np.unique(category)
    shares = {"logged": exposure.shares(category, names), "ranked": exposure.shares(category[chosen], names)}
    label = subject.prepared.test.labels
    rates = {"logged": click_rates(category, label, names)}
    rates["ranked"] = click_rates(category[chosen], label[chosen], names)
    order = np.argsort(-shares["logged"], kind="stable")
    moved = exposure.distance(shares["logged"], shares["ranked"])
    caption = (
        f"Bars: all impressions of the test. Dots: {place}, by the model's scores. {percent(moved, 1)} of the exposure "
        f"would move to other categories; the click rate goes from {percent(label.mean())} to "
        f"{percent(label[chosen].mean())}."
    )
    if len(names) > DRAWN:
        caption += f" The {DRAWN} largest of {len(names)} categories; click rates from {LEAST} impressions on."
    numbers = {"column": column, "category": names[order], "moved": moved}
    numbers |= {f"exposure_{by}": share[order] for by, share in shares.items()}
    numbers |= {f"click_rate_{by}": rate[order] for by, rate in rates.items()}
    figure = _chart([str(names[i]) for i in order[:DRAWN]], column, caption, numbers)
    lead = "Whether the ranking gives each category its chance, and whether what it shows is clicked."
    return Picture("exposure", "Exposure and click rate by category", lead, [figure], numbers)


def _chosen(subject: Subject) -> tuple[np.ndarray, str]:
    """Rows that the model would show, int64 `[n]`, and what they are."""
    test, facts = subject.prepared.test, subject.prepared.facts
    if subject.declaration.request is not None:
        return exposure.first_of_request(facts.group, subject.scores), "the first of each request"
    parts = []
    for scenario in np.unique(test.scenarios):
        rows = np.flatnonzero(test.scenarios == scenario)
        best = np.argsort(-subject.scores[rows], kind="stable")
        parts.append(rows[best[: max(1, round(TENTH * len(rows)))]])
    return np.concatenate(parts), "the tenth of each scenario's impressions that is ranked highest"


def click_rates(category: np.ndarray, label: np.ndarray, names: np.ndarray) -> np.ndarray:
    """Click rate of each category, float64 `[len(names)]`; NaN where there are fewer than `LEAST` rows.

    Args:
      category: `[n]`, each among `names`, which are sorted and unique; label: `[n]`.
    """
    index = np.searchsorted(names, category)
    count, clicks = (np.bincount(index, weights, len(names)) for weights in (None, label))
    return np.divide(clicks, count, out=np.full(len(names), np.nan), where=count >= LEAST)


def _chart(names: list[str], column: str, caption: str, numbers: dict[str, np.ndarray]) -> Figure:
    places = np.arange(len(names))

    def paint(canvas: Canvas) -> None:
        panels = canvas.subplots(1, 2, sharey=True)
        for axes, what, title in zip(panels, ("exposure", "click_rate"), ("share of exposure, %", "click rate, %")):
            logged, ranked = (100 * numbers[f"{what}_{by}"][: len(names)] for by in ("logged", "ranked"))
            axes.barh(places, np.nan_to_num(logged), color=style.SOFT, height=0.66, label="as logged")
            axes.plot(ranked, places, linestyle="", marker="o", markersize=5.5, color=style.CANDIDATE, label="ranked")
            style.horizontal(axes, names)
            axes.set_xlabel(title)
            axes.set_xlim(0)
        panels[0].set_ylabel(column)
        panels[0].legend(loc="lower right")

    size = (style.WIDE, 0.9 + 0.24 * len(names))
    return Figure("As logged and as ranked", caption, style.draw("exposure", size, paint))
