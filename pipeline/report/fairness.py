"""Fairness Coefficients of the day: what was shown more often than it would have been had nobody intervened."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from scenerank.components.workspace import Workspace
from scenerank.errors import WorkspaceError
from scenerank.pipeline.drawing import style
from scenerank.pipeline.drawing.page import (
    Cell,
    Figure,
    Missing,
    Note,
    Section,
    Table,
    count,
    decimal,
    percent,
    short,
)

LEAST_IMPRESSIONS, LEAST_SHARE = 30, 0.003
"""An item is listed from so many impressions on, and from that share of its scenario's."""
PER_SCENARIO, LISTED, DRAWN = 2, 24, 14
_READINGS = {
    "exposure": "Impressions that an item would have had in a scenario, as the days before tell, over those it had: "
    "below 1 somebody had it shown more often.",
    "flag": "An item's share of the impressions of a scenario that nobody intervened in, over its share of all: "
    "below 1 somebody had it shown more often.",
    "score": "Mean score of an item in a scenario over the mean score of the scenario: below 1 it was shown more often "
    "than its scores would have it.",
}
_TICKS = (0.1, 0.2, 0.5, 1, 2, 5, 10)


def read_table(workspace: Workspace, day: str) -> pd.DataFrame:
    """scenario, item (text), impressions, raw_fc, fc of a published day, and what else its table tells.

    Raises:
      Missing: the day has no table.
    """
    try:
        uri = f"{workspace.day('fairness', day)}/fairness.parquet"
        with workspace.fs.open_input_file(workspace.path(uri)) as source:
            table = pq.read_table(source).to_pandas()
    except (FileNotFoundError, WorkspaceError):
        raise Missing(f"Day {day} has no table of Fairness Coefficients.") from None
    return table.astype({"scenario": str, "item": str})


def boosted(table: pd.DataFrame, per_scenario: int = PER_SCENARIO) -> pd.DataFrame:
    """Items with the lowest coefficients and many impressions, up to `per_scenario` of each scenario.

    Adds `share` (of the scenario's impressions), `expected`, impressions had nobody intervened, `impressions *
    raw_fc`, and `surplus`, those beyond. The largest surplus comes first.
    """
    total = table.groupby("scenario")["impressions"].transform("sum")
    expected = table["impressions"] * table["raw_fc"]
    table = table.assign(share=table["impressions"] / total, expected=expected, surplus=table["impressions"] - expected)
    many = table["impressions"] >= np.maximum(LEAST_IMPRESSIONS, LEAST_SHARE * total)
    low = table[many & (table["raw_fc"] < 1)].sort_values(["scenario", "raw_fc", "item"])
    return low.groupby("scenario").head(per_scenario).sort_values(["surplus", "scenario"], ascending=[False, True])


def section(
    workspace: Workspace, day: str, promoted: pd.DataFrame | None = None, numerator: str = "exposure"
) -> Section:
    """Args:
      numerator: how the coefficients were found: `exposure`, `score` or `flag`.
      promoted: scenario, item, boosted (impressions that a promotion put there) of the pairs under promotion,
        where that is known.

    Raises:
      Missing: the day has no table, or every coefficient is 1.
    """
    table = read_table(workspace, day)
    if not len(table) or np.allclose(table["raw_fc"], 1):
        raise Missing("Every coefficient of the day is 1: nothing was known of the days before it.")
    if promoted is not None:
        table = table.merge(promoted, "left", ["scenario", "item"])
        table["promoted"] = table["boosted"].notna()
    weight = table["impressions"] / table["impressions"].sum()
    low, high = (table["fc"] < 0.5) * weight, (table["fc"] > 2) * weight
    lead = (
        f"{_READINGS[numerator]} {percent(low.sum(), 1)} of the impressions have a coefficient below 0.5, "
        f"{percent(high.sum(), 1)} one above 2."
    )
    clipped = (table["fc"] != table["raw_fc"]) * weight
    if clipped.sum() > 0:
        lead += f" Smoothing, the mean of 1 or clipping changed that of {percent(clipped.sum(), 1)}."
    blocks: list[Figure | Table | Note] = [_chart(table), _table(boosted(table))]
    return Section("fairness", "Fairness Coefficients", lead, blocks)


def _chart(table: pd.DataFrame) -> Figure:
    edges = np.geomspace(0.1, 10, 42)  # 1 lies in the middle of a bin
    value = np.clip(table["fc"].to_numpy(), edges[0], edges[-1])
    weight = table["impressions"].to_numpy(np.float64)
    marked = table["promoted"].to_numpy() if "promoted" in table and table["promoted"].any() else None
    groups = [(np.ones(len(table), bool), style.NEUTRAL, "all")]
    if marked is not None:
        groups = [(~marked, style.NEUTRAL, "not promoted"), (marked, style.ALERT, "under promotion (simulator)")]
    largest = table.groupby("scenario")["impressions"].sum().nlargest(DRAWN).index

    def paint(canvas: Canvas) -> None:
        histogram, spread = canvas.subplots(1, 2, width_ratios=(3, 2))
        for chosen, color, label in groups:
            share = np.histogram(value[chosen], edges, weights=weight[chosen])[0] / weight[chosen].sum() * 100
            histogram.stairs(share, edges, fill=True, color=color, alpha=0.35 if marked is not None else 0.8)
            histogram.stairs(share, edges, color=color, linewidth=1.4, label=label)
        histogram.set_title("Share of impressions, %")
        style.vertical(histogram)
        if marked is not None:
            histogram.legend(loc="upper right")
        for place, scenario in enumerate(largest):
            here = (table["scenario"] == scenario).to_numpy()
            low, middle, high = weighted_quantiles(value[here], weight[here], (0.1, 0.5, 0.9))
            spread.plot((low, high), (place, place), color=style.SOFT, linewidth=5, solid_capstyle="butt")
            spread.plot(middle, place, marker="o", markersize=4.5, color=style.CANDIDATE)
        style.horizontal(spread, [short(name) for name in largest])
        spread.set_xlim(min(0.5, spread.get_xlim()[0]), max(2.0, spread.get_xlim()[1]))
        spread.set_title("Median and 10 % to 90 % by scenario")
        for axes in (histogram, spread):
            axes.set_xscale("log")
            axes.axvline(1, color=style.MUTED, linewidth=0.8, linestyle=(0, (4, 3)))
            axes.xaxis.set_major_locator(FixedLocator(_TICKS))
            axes.xaxis.set_minor_locator(NullLocator())
            axes.xaxis.set_major_formatter(FuncFormatter(lambda tick, _: f"{tick:g}"))
            axes.set_xlabel("coefficient")

    caption = "Every impression counts with its pair's coefficient; the ends hold what lies beyond 0.1 and 10"
    caption += ", and each colour adds up to 100 %." if marked is not None else "."
    height = max(2.6, 0.8 + 0.17 * len(largest))
    return Figure("Distribution of the coefficients", caption, style.draw("fairness", (style.WIDE, height), paint))


def weighted_quantiles(value: np.ndarray, weight: np.ndarray, at: tuple[float, ...]) -> np.ndarray:
    """Smallest values below or at which lie the shares `at` of the weight; all float `[n]`, `n` at least 1."""
    order = np.argsort(value, kind="stable")
    cumulated = np.cumsum(weight[order])
    places = np.searchsorted(cumulated, np.asarray(at) * cumulated[-1])
    return value[order][np.minimum(places, len(value) - 1)]


def _table(found: pd.DataFrame) -> Table | Note:
    if not len(found):
        return Note("No item with many impressions has a coefficient below 1.")
    known = "promoted" in found
    columns = ["Scenario", "Item", "Impressions", "Share of scenario", "Expected", "FC, raw", "FC", "Surplus"]
    columns += ["Promoted (truth)"] if known else []
    rows = []
    for row in found.head(LISTED).itertuples():
        cells: list[str | Cell] = [
            short(row.scenario, 40),
            short(row.item, 40),
            count(row.impressions),
            percent(row.share),
            count(row.expected),
            decimal(row.raw_fc),
            decimal(row.fc),
            count(row.surplus),
        ]
        if known:
            cells.append(f"yes, {count(row.boosted)} pushed" if row.promoted else Cell("no", "quiet"))
        rows.append(cells)
    return Table(
        "Most boosted items",
        f"Up to {PER_SCENARIO} a scenario with the lowest coefficient among items of at least {LEAST_IMPRESSIONS} "
        f"impressions and {percent(LEAST_SHARE, 1)} of the scenario's; expected: impressions had nobody intervened; "
        "surplus: those beyond.",
        columns,
        rows,
        text_columns=2,
    )
