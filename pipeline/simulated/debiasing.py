"""What debiasing does at several strengths of promotion, measured on simulated platforms."""

from __future__ import annotations

import json
import pathlib

import numpy as np
from matplotlib.figure import Figure as Canvas

from scenerank.pipeline.drawing import style
from scenerank.pipeline.drawing.page import Figure, Missing, Section

Results = dict[float, list[dict[str, dict[str, float]]]]
"""By strength a list of seeds: by what was trained with, `auc`, `exposure_error` and `logged_auc`."""

MEASURED = pathlib.Path(__file__).with_name("debiasing.json")
LINES = (("off", "without", style.SERVED), ("on", "bias nets", style.CANDIDATE))
SUBSAMPLING = "sub-sampling "


def measured() -> Results:
    """The results that come with the package.

    Raises:
      Missing: there are none.
    """
    if not MEASURED.exists():
        raise Missing("Debiasing was not measured against the strength of promotions.")
    return {float(strength): found for strength, found in json.loads(MEASURED.read_text()).items()}


def section() -> Section:
    """Raises:
    Missing: see `measured`.
    """
    lead = (
        "Not of this workspace: platforms simulated for the purpose, on which promotions give some pairs of item and "
        "scenario so many times their ordinary exposure on top, at the top of the page and with a badge."
    )
    caption = (
        "Models with and without bias nets, which are told Fairness Coefficient and place, their means and standard "
        "errors over seeds. The exposure error is the share of first places that would have to move between categories "
        "to match a ranking by the true click probability."
    )
    return Section("debiasing", "Debiasing and promotions", lead, [Figure("", caption, draw(measured()))])


def draw(results: Results) -> str:
    """Markup: AUC on unbiased impressions, and exposure error, against the strength of the promotions."""
    return style.draw("debiasing", (style.WIDE, 3.0), lambda canvas: _paint(canvas, results))


def values(found: list[dict[str, dict[str, float]]], kind: str, name: str) -> np.ndarray:
    """A measure of every seed that has it."""
    return np.array([one[kind][name] for one in found if kind in one])


def _paint(canvas: Canvas, results: Results) -> None:
    places = np.arange(len(results))
    titles = (("auc", "AUC on unbiased impressions"), ("exposure_error", "Exposure error by category"))
    for axes, (name, title) in zip(canvas.subplots(1, 2), titles):
        for kind, label, color in LINES:
            found = [values(seeds, kind, name) for seeds in results.values()]
            errors = [v.std(ddof=1) / np.sqrt(len(v)) if len(v) > 1 else 0.0 for v in found]
            axes.errorbar(places, [v.mean() for v in found], errors, color=color, marker="o", markersize=4, label=label)
        for place, seeds in zip(places, results.values()):
            kinds = [kind for kind in seeds[0] if kind.startswith(SUBSAMPLING)]
            for kind, shift in zip(kinds, np.linspace(-0.18, 0.18, len(kinds))):
                label = "sub-sampling at " + ", ".join(f"{100 * float(k.removeprefix(SUBSAMPLING)):.0f}" for k in kinds)
                axes.plot(
                    place + shift, values(seeds, kind, name).mean(), marker="D", markersize=4, linestyle="",
                    color=style.ALERT, markerfacecolor="none", label=f"{label} %" if kind == kinds[0] else None,
                )  # fmt: skip
        axes.set_title(title)
        axes.set_xticks(places, [f"{s:g}" for s in results])
        axes.set_xlabel("strength of the promotions")
        style.vertical(axes)
    canvas.legend(*canvas.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
