"""Click rate and AUC of each scenario against the model in service."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure as Canvas

from scenerank.components.evaluator.confidence import half_width
from scenerank.components.records.evaluation import CANDIDATE, OVERALL, SERVED, SliceMetrics, shown_name
from scenerank.components.records.evaluation import NOTHING as UNKNOWN
from scenerank.pipeline.drawing import style
from scenerank.pipeline.drawing.page import (
    NOTHING,
    Cell,
    Figure,
    Missing,
    Note,
    Section,
    Table,
    count,
    decimal,
    difference,
    listed,
    percent,
    short,
    signed,
    tone,
)
from scenerank.pipeline.report.run import Run

DRAWN, LISTED = 30, 100
CLICKS = 20
BEYOND = 2.0
"""Mean predictions are drawn up to so many times the highest click rate."""
WIDEST = 0.08
"""A scenario whose AUC has a larger standard error does not stretch the axis."""


def auc_error(auc: float | None, clicks: float, others: float) -> float | None:
    """Standard error of an AUC (Hanley and McNeil, 1982), for `clicks` clicked rows and `others` not clicked.

    Of runs whose evaluation does not tell it.
    """
    if auc is None or clicks < 1 or others < 1:
        return None
    both = auc / (2 - auc) - auc**2, 2 * auc**2 / (1 + auc) - auc**2
    variance = auc * (1 - auc) + (clicks - 1) * both[0] + (others - 1) * both[1]
    return math.sqrt(max(variance, 0.0) / (clicks * others))


def section(run: Run, oracle: Mapping[str, float] | None = None) -> Section:
    """Args:
      oracle: AUC of the true click probability by scenario and `overall`, where it is known.

    Raises:
      Missing: the run recorded no metrics.
    """
    names = run.metrics.scenarios
    if not names:
        raise Missing("The run recorded no metrics by scenario.")
    blocks: list[Figure | Table | Note] = [_chart(run, names[:DRAWN], oracle or {}), _table(run, names, oracle or {})]
    left_out = run.record.verdict.left_out_scenarios
    if run.served and left_out:
        mine, old = (run.metrics.small.get(name, UNKNOWN) for name in (CANDIDATE, SERVED))
        together = f"; their AUC is {_auc(mine)}, that of the model in service {_auc(old)}" if mine.auc else ""
        blocks.append(
            Note(
                "With a say in the decision only together, for too few rows or clicks, labels of one kind only, or no "
                f"score of the model in service: {listed(sorted(left_out), 40)}{together}."
            )
        )
    return Section("scenarios", "Scenarios", _lead(run, names), blocks)


def _auc(metrics: SliceMetrics) -> str:
    """An AUC and half of its 95 % confidence interval."""
    width = half_width(metrics)
    return decimal(metrics.auc) + ("" if width is None else f" ±{decimal(width)}")


def _gain(run: Run, name: str) -> float | None:
    return difference(run.metrics.of(CANDIDATE, name).auc, run.metrics.of(SERVED, name).auc)


def _lead(run: Run, names: list[str]) -> str:
    gains = [(gain, name) for name in names if (gain := _gain(run, name)) is not None]
    if not gains:
        return f"{count(len(names))} scenarios; no model was in service to compare with."
    rows = sum(run.metrics.of(CANDIDATE, name).examples for gain, name in gains if gain > 0)
    all_rows = sum(run.metrics.of(CANDIDATE, name).examples for _, name in gains)
    large = [(gain, name) for gain, name in gains if run.metrics.of(CANDIDATE, name).clicks >= CLICKS] or gains
    (worst, where), (best, there) = min(large), max(large)
    return (
        f"The candidate ranks better than the model in service in {sum(g > 0 for g, _ in gains)} of {len(gains)} "
        f"scenarios, which hold {percent(rows / all_rows, 0)} of their impressions; from {CLICKS} clicks on "
        f"the differences reach from {signed(worst)} ({short(where)}) to {signed(best)} ({short(there)})."
    )


def _chart(run: Run, names: list[str], oracle: Mapping[str, float]) -> Figure:
    places = list(range(len(names)))
    mine = [run.metrics.of(CANDIDATE, name) for name in names]
    old = [run.metrics.of(SERVED, name).auc for name in names]

    def paint(canvas: Canvas) -> None:
        rates, aucs = canvas.subplots(1, 2, sharey=True, width_ratios=(2, 3))
        rate = np.array([100 * m.clicks / max(m.examples, 1) for m in mine])
        rates.barh(places, rate, color=style.SOFT, height=0.62)
        predicted = np.array([math.nan if m.mean_score is None else 100 * m.mean_score for m in mine])
        limit = BEYOND * max(rate.max(), 1e-3)
        for chosen, marker in ((predicted <= limit, "|"), (predicted > limit, ">")):
            rates.plot(
                np.minimum(predicted, limit)[chosen], np.flatnonzero(chosen), linestyle="", marker=marker,
                markersize=9 if marker == "|" else 5, markeredgewidth=2, color=style.CANDIDATE,
            )  # fmt: skip
        rates.set_title("Click rate, %; the line is the mean prediction")
        style.horizontal(rates, [short(name) for name in names])
        shown = [overall] if (overall := run.overall.auc) is not None else []
        for place, metrics, before in zip(places, mine, old):
            auc, clicks = metrics.auc, metrics.clicks
            if auc is None:
                continue
            error = metrics.auc_error or auc_error(auc, clicks, metrics.examples - clicks) or 0
            if error < WIDEST:
                shown += [auc - error, auc + error, *([] if before is None else [before])]
            aucs.plot((auc - error, auc + error), (place, place), color=style.SOFT, linewidth=5, zorder=2)
            if before is not None:
                aucs.plot((before, auc), (place, place), color=style.MUTED, linewidth=0.8, zorder=3)
        kinds = ((SERVED, old, style.SERVED), (CANDIDATE, [m.auc for m in mine], style.CANDIDATE))
        for label, values, color in kinds:
            known = [(value, place) for value, place in zip(values, places) if value is not None]
            if known:
                text = "model in service" if label == SERVED else "candidate"
                aucs.plot(*zip(*known), linestyle="", marker="o", markersize=5, color=color, label=text, zorder=4)
        best = [(oracle[name], place) for place, name in enumerate(names) if oracle.get(name, math.nan) > 0]
        if best:
            text = "truth (simulator)"
            aucs.plot(*zip(*best), linestyle="", marker="|", markersize=9, color=style.TRUTH, label=text, zorder=3)
            shown += [value for value, place in best if mine[place].clicks >= 10]
        if shown:
            edge = 0.04 * (max(shown) - min(shown)) + 1e-3
            aucs.set_xlim(min(shown) - edge, max(shown) + edge)
        if overall is not None:
            aucs.axvline(overall, color=style.CANDIDATE, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
        aucs.set_title("AUC; the dashed line is that of all scenarios together")
        aucs.spines["left"].set_visible(False)
        aucs.grid(axis="y", visible=False)
        aucs.legend(loc="upper center", bbox_to_anchor=(0.5, -0.06), ncols=3)
        aucs.set_zorder(2)

    which = f"The {len(names)} largest scenarios" if len(run.metrics.scenarios) > len(names) else "All scenarios"
    return Figure(
        "Click rate and AUC by scenario",
        f"{which}, by impressions; a bar behind a dot spans one standard error of the AUC on either side, cut off "
        "where it is very wide.",
        style.draw("scenarios", (style.WIDE, 1.15 + 0.22 * len(names)), paint),
    )


def _table(run: Run, names: list[str], oracle: Mapping[str, float]) -> Table:
    has_gauc = run.overall.gauc is not None
    deciding = set(run.record.verdict.deciding_scenarios)
    columns = ["Scenario", "Rows", "Clicks", "Click rate", "AUC"]
    columns += ["In service", "Difference"] if run.served else []
    columns += ["Oracle AUC"] if oracle else []
    columns += ["GAUC"] if has_gauc else []
    columns += ["Log loss", "PCOC"]
    columns += ["Decides"] if run.served else []
    rows = []
    for name in [OVERALL, *names[:LISTED]]:
        if not run.metrics.has(CANDIDATE, name):
            continue
        mine = run.metrics.of(CANDIDATE, name)
        gain = _gain(run, name)
        row: list[str | Cell] = [
            shown_name(name),
            count(mine.examples),
            count(mine.clicks),
            decimal(mine.click_rate),
            _auc(mine),
        ]
        if run.served:
            row += [_auc(run.metrics.of(SERVED, name)), Cell(signed(gain), tone(gain))]
        if oracle:
            row.append(Cell(decimal(oracle.get(name if name != OVERALL else "overall")), "quiet"))
        if has_gauc:
            row.append(decimal(mine.gauc))
        row += [decimal(mine.log_loss), decimal(mine.pcoc)]
        if run.served:
            row.append(NOTHING if name == OVERALL else "yes" if name in deciding else Cell("no", "quiet"))
        rows.append(row)
    rest = names[LISTED:]
    caption = "AUC, ± half of its 95 % confidence interval, ranks all impressions of a scenario"
    caption += ", GAUC those within a request" if has_gauc else ""
    caption += "; PCOC is predicted over observed clicks."
    if rest:
        caption += f" {count(len(rest))} smaller scenarios are not listed."
    return Table("Metrics by scenario", caption, columns, rows, emphasis=True)
