"""Predicted against observed click rate."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FuncFormatter
from scipy.stats import binomtest

from scenerank.components.records.evaluation import CANDIDATE, NOTHING, SERVED
from scenerank.pipeline.drawing import style
from scenerank.pipeline.drawing.page import Figure, Missing, Section, count, decimal
from scenerank.pipeline.report.run import Run

LEAST_ROWS = 50
"""Bins with fewer rows are not drawn: their click rate says nothing."""


def wilson(clicks: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Bounds of Wilson's 95 % interval of a rate, float64 `[2, n]`, of counts `[n]`; `rows` positive."""
    return np.array([binomtest(int(k), int(n)).proportion_ci(method="wilson") for k, n in zip(clicks, rows)]).T


def section(run: Run) -> Section:
    """Raises:
    Missing: the run recorded no calibration.
    """
    bins = {name: _filled(rows) for name, rows in run.metrics.calibration.items()}
    if CANDIDATE not in bins or not len(bins[CANDIDATE]):
        raise Missing("The run recorded no calibration.")
    pcoc, before = run.overall.pcoc, (run.served or NOTHING).pcoc
    lead = f"Predicted clicks over observed ones (PCOC): {decimal(pcoc)}"
    lead += f"; {decimal(before)} for the model in service." if before is not None else "."
    own, rows = run.overall.pcoc_ordinary, run.overall.ordinary_examples
    if own is not None and rows != run.overall.examples:
        lead += (
            f" On the {count(rows)} impressions that nobody intervened in, by which a model is judged: {decimal(own)}."
        )
    return Section("calibration", "Calibration", lead, [_chart(bins)])


def _filled(rows: list[list[float]]) -> np.ndarray:
    """Bins worth drawing: rows, clicks, summed score; float64 `[bins, 3]`."""
    table = np.asarray(rows, np.float64).reshape(-1, 3)
    return table[table[:, 0] >= LEAST_ROWS]


def _chart(bins: dict[str, np.ndarray]) -> Figure:
    def paint(canvas: Canvas) -> None:
        curve, volume = canvas.subplots(1, 2, width_ratios=(3, 2))
        low, high = np.inf, 0.0
        for name, color, label in (
            (SERVED, style.SERVED, "model in service"),
            (CANDIDATE, style.CANDIDATE, "candidate"),
        ):
            if name not in bins or not len(bins[name]):
                continue
            rows, clicks, score = bins[name].T
            mean, rate = score / rows, clicks / rows
            lower, upper = wilson(clicks, rows)
            shown = clicks > 0
            if name == CANDIDATE:
                curve.vlines(mean, np.maximum(lower, 1e-6), upper, color=style.SOFT, linewidth=4, zorder=2)
            curve.plot(mean[shown], rate[shown], color=color, marker="o", markersize=4, label=label, zorder=3)
            low = min(low, mean.min(), *rate[shown])
            high = max(high, mean.max(), *rate[shown])
            volume.plot(mean, rows, color=color, marker="o", markersize=4)
        low, high = max(low, 1e-5) / 1.6, min(high * 1.6, 1.0)
        curve.plot((low, high), (low, high), color=style.MUTED, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
        for axes in (curve, volume):
            axes.set_xscale("log", subs=[])
            axes.set_xlim(low, high)
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axes.set_xlabel("mean prediction")
        curve.set_yscale("log", subs=[])
        curve.set_ylim(low, high)
        curve.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        curve.set_title("Observed click rate")
        curve.legend(loc="upper left")
        volume.set_ylim(0)
        volume.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        volume.set_title("Rows")

    return Figure(
        "Observed click rate by prediction",
        f"Impressions in bins of the predicted log odds, at least {LEAST_ROWS} rows each; the dashed line is perfect "
        "calibration, the bars are 95 % intervals of the candidate's bins.",
        style.draw("calibration", (style.WIDE, 3.1), paint),
    )
