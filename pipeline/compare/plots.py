"""Pictures of a benchmark."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

COLOR = "#1f6f8b"


def plot_sweep(path: str, setting: str, aucs: Mapping[str, Sequence[float]]) -> None:
    """AUC over the values of a setting, mean and standard deviation over seeds, as SVG."""
    figure = Figure(figsize=(6, 3.6), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.subplots()
    places = range(len(aucs))
    means = [statistics.fmean(found) for found in aucs.values()]
    errors = [statistics.stdev(found) if len(found) > 1 else 0.0 for found in aucs.values()]
    axes.errorbar(places, means, errors, color=COLOR, marker="o", markersize=5, capsize=3)
    axes.set_xticks(list(places), list(aucs))
    axes.set_xlabel(setting)
    axes.set_ylabel("AUC of the test")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.3)
    figure.savefig(path, metadata={"Date": None})
