"""MARIA: which refiners serve which scenario (the paper's Figure 5)."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure as Canvas

from scenerank.models.maria import MARIA
from scenerank.pipeline.drawing import heat, style
from scenerank.pipeline.drawing.page import Figure, Missing, count
from scenerank.pipeline.explain.picture import Picture
from scenerank.pipeline.explain.subject import Subject

PER_SCENARIO = 1000
"""Rows of a scenario; as many as in the paper."""
SCENARIOS, CURVES = 12, 4
"""Scenarios drawn as rows, and as curves."""
LEAST = 30
"""Rows below which a scenario is not drawn."""
GRID = np.linspace(0, 1, 401)


def refiner_picture(subject: Subject) -> Picture:
    """Mean weights of refiners by scenario and field, and the distribution of the first one's probability.

    Raises:
      Missing: there is no choice between refiners.
    """
    model = subject.model
    assert isinstance(model, MARIA)
    if not model.refinement:
        raise Missing("Feature refinement is switched off.")
    if not model.selecting:
        raise Missing("Every field has a single refiner: nothing is selected.")
    index = subject.prepared.test.scenarios
    rows = subject.sample(PER_SCENARIO)
    weights, probabilities = subject.compute(model.refiner_weights, rows)
    of = {name: index[rows] == i for i, name, _ in subject.largest(SCENARIOS) if (index[rows] == i).sum() >= LEAST}
    if not of:
        raise Missing(f"No scenario has {LEAST} rows.")
    mean = np.stack([weights[chosen].mean(0) for chosen in of.values()])
    fields = list(model.selecting)
    blocks = [_means(list(of), fields, mean, len(rows))]
    curves = {name: probabilities[chosen, :, 0] for name, chosen in list(of.items())[:CURVES]}
    blocks.append(_densities(curves, fields))
    numbers = {
        "scenario": list(of), "field": fields, "rows": [int(chosen.sum()) for chosen in of.values()],
        "mean_weight": mean,
        "mean_probability": np.stack([probabilities[chosen].mean(0) for chosen in of.values()]),
        "deviation_of_probability": np.stack([probabilities[chosen].std(0) for chosen in of.values()]),
    }  # fmt: skip
    lead = (
        f"Each of these fields ({', '.join(fields)}) has {model.settings.refiners} refiners; a selector that knows the "
        "row and its scenario weighs them."
    )
    return Picture("refiners", "Refiners by scenario and field", lead, blocks, numbers)


def _means(names: list[str], fields: list[str], mean: np.ndarray, rows: int) -> Figure:
    """`mean`: `[scenarios, fields, N]`; of two refiners one says all."""
    shown = 1 if mean.shape[2] == 2 else mean.shape[2]

    def paint(canvas: Canvas) -> None:
        panels = np.atleast_1d(canvas.subplots(1, shown, sharey=True))
        for refiner, axes in enumerate(panels):
            image = heat.fields(axes, mean[:, :, refiner], heat.shares(), names, fields)
            axes.set_title(f"refiner {refiner + 1}")
        panels[0].set_ylabel("scenario")
        heat.bar(canvas, image, list(panels), width=0.03)

    rest = "; the second refiner has the rest" if mean.shape[2] == 2 else ""
    caption = (
        f"Weights as at inference, where a refiner is taken or left: about the share of rows that take it{rest}. "
        f"From {count(rows)} rows of the test, at most {count(PER_SCENARIO)} a scenario."
    )
    size = (style.WIDE, 1.0 + 0.26 * len(names))
    return Figure("Mean weight of a refiner", caption, style.draw("refiners", size, paint))


def _densities(curves: dict[str, np.ndarray], fields: list[str]) -> Figure:
    """`curves`: probabilities `[n, fields]` by scenario."""
    colors = style.CATEGORIES

    def paint(canvas: Canvas) -> None:
        panels = np.atleast_1d(canvas.subplots(1, len(fields), sharey=False))
        for place, (axes, field) in enumerate(zip(panels, fields)):
            found = np.concatenate([values[:, place] for values in curves.values()])
            low, high = max(found.min() - 0.05, 0), min(found.max() + 0.05, 1)
            for color, (name, values) in zip(colors, curves.items()):
                axes.plot(GRID, density(values[:, place], GRID), color=color, label=name, linewidth=1.3)
            axes.set_xlim(low, high)
            axes.set_ylim(0)
            axes.set_yticks([])
            axes.set_title(field)
            style.vertical(axes)
        handles, labels = panels[0].get_legend_handles_labels()
        canvas.legend(handles, labels, title="scenario", loc="outside right center")
        canvas.supxlabel("probability of the first refiner", fontsize=8, color=style.MUTED)

    caption = (
        "Density over the rows of the largest scenarios, smoothed, of the probability that training draws the first "
        "refiner: the further curves are apart, the more the choice depends on the scenario. "
        "Axes are cut to what occurs."
    )
    return Figure("How sure the choice is", caption, style.draw("probabilities", (style.WIDE, 2.3), paint))


def density(values: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Gaussian kernel density, float64 `[len(grid)]`, of Scott's bandwidth and no narrower than 0.004."""
    width = max(float(values.std()) * len(values) ** -0.2, 0.004)
    kernels = np.exp(-0.5 * ((grid[:, None] - values[None]) / width) ** 2)
    return kernels.mean(1) / (width * np.sqrt(2 * np.pi))
