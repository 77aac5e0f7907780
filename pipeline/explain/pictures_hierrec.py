"""HierRec: what each head makes of each feature in a scenario (the paper's Figure 5)."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure as Canvas

from scenerank.pipeline.drawing import heat, style
from scenerank.pipeline.drawing.page import Figure, Missing, listed
from scenerank.pipeline.explain.picture import Picture
from scenerank.pipeline.explain.subject import Subject

SCENARIOS = 6
"""The largest, which are drawn."""
NAMED = 8
"""Features that the caption names."""


def feature_weight_picture(subject: Subject) -> Picture:
    """Weights of features by scenario and head, relative to even ones.

    Raises:
      Missing: there are no implicit layers.
    """
    model = subject.model
    if model.attention is None:
        raise Missing("The implicit layers are switched off: no head weighs features.")
    found = subject.largest(subject.prepared.features.scenarios)
    if not found:
        raise Missing("The test has no known scenario.")
    index = tf.constant([i for i, _, _ in found], tf.int64)
    weights = tf.cast(model.scenario_parameters(index).attention, tf.float32).numpy()
    features = [feature.name for feature in model.common]
    names = [name for _, name, _ in found]
    lead = (
        "In every scenario each head spreads a weight of 1 over the common features; 1 in the picture is an even "
        "share of it."
    )
    numbers = {
        "scenario": names, "rows": [len(rows) for _, _, rows in found], "feature": features, "weights": weights,
        "distance_of_scenarios": between(weights),
    }  # fmt: skip
    figure = _chart(names[:SCENARIOS], features, weights[:SCENARIOS] * len(features))
    return Picture("feature_weights", "Feature weights", lead, [figure], numbers)


def between(weights: np.ndarray) -> float:
    """How far scenarios are apart: mean total variation of a head's weights in a scenario from their mean over all.

    Args:
      weights: `[scenarios, heads, features]`.
    """
    return float(np.abs(weights - weights.mean(0)).sum(2).mean() / 2)


def _chart(names: list[str], features: list[str], relative: np.ndarray) -> Figure:
    heads = relative.shape[1]
    top = np.argsort(-relative.mean((0, 1)), kind="stable")[:NAMED]

    def paint(canvas: Canvas) -> None:
        panels = np.atleast_1d(canvas.subplots(len(names), 1, sharex=True))
        look = heat.around_one(relative)
        rows = [f"head {g}" for g in range(1, heads + 1)]
        for axes, name, value in zip(panels, names, relative):
            image = heat.fields(axes, value, look, rows, features, text=0, upright=True, length=34)
            axes.tick_params(axis="x", labelsize=6.5)
            axes.set_title(f"scenario {name}")
        heat.bar(canvas, image, list(panels), width=0.02)

    caption = (
        f"The {len(names)} largest scenarios of the test. The greatest mean weights: "
        f"{listed([features[i] for i in top], NAMED)}."
    )
    size = (style.WIDE, 1.9 + len(names) * (0.34 + 0.15 * heads))
    return Figure("Weight of a feature, relative to even ones", caption, style.draw("weights", size, paint))
