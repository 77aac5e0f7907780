"""With the simulator: how near the model comes to the truth that made the logs."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas

from scenerank.components.records.evaluation import CANDIDATE, SERVED
from scenerank.components.workspace import Workspace
from scenerank.pipeline.drawing import style
from scenerank.pipeline.drawing.page import Figure, Missing, Note, Section, Table, count, decimal, percent
from scenerank.pipeline.report.run import Run
from scenerank.pipeline.simulated import exposure
from scenerank.pipeline.simulated.unbiased import score_unbiased
from scenerank.pipeline.sources.simulator.oracle import auc, oracle_auc, read

UNBIASED_ROWS = 40_000
_NAMES = {CANDIDATE: "candidate", SERVED: "model in service"}


def simulated(workspace: Workspace, day: str) -> bool:
    """Whether the truth of the day is known."""
    return bool(workspace.list(workspace.uri("truth", f"day={day}")))


def share_of_oracle(value: float | None, oracle: float | None) -> float | None:
    """`(AUC - 0.5) / (oracle - 0.5)`; None where that says nothing."""
    if value is None or oracle is None or math.isnan(value) or not oracle > 0.5:
        return None
    return (value - 0.5) / (oracle - 0.5)


def oracle(workspace: Workspace, day: str) -> dict[str, float]:
    """AUC of the true click probability by scenario and `overall`; empty where the truth is not known."""
    return oracle_auc(workspace.root, day) if simulated(workspace, day) else {}


def promotions(workspace: Workspace, day: str) -> pd.DataFrame | None:
    """Pairs under promotion: scenario, item, boosted (impressions pushed). None if there is none or none is known."""
    if not simulated(workspace, day):
        return None
    pairs = read(workspace, "truth", day, ["item_id", "campaign", "boosted"]).to_pandas()
    scenario = read(workspace, "logs", day, ["scenario_id"])["scenario_id"].to_pandas()
    if len(scenario) != len(pairs) or not pairs["campaign"].any():
        return None
    pairs = pairs.assign(scenario=scenario).rename(columns={"item_id": "item"})
    sums = pairs[pairs["campaign"]].groupby(["scenario", "item"], as_index=False)["boosted"].sum()
    return sums.astype({"boosted": np.float64})


def section(run: Run, known: dict[str, float], most: int = UNBIASED_ROWS) -> Section:
    """Args:
      known: what `oracle` gives.
      most: rows of the unbiased day that are scored.

    Raises:
      Missing: there is no truth beside the logs.
    """
    if not known:
        raise Missing("No truth lies beside the logs: only simulated days have one.")
    rows = _rows("logs", {name: run.metrics.of(name).auc for name in (CANDIDATE, SERVED)}, known["overall"])
    blocks: list[Figure | Table | Note] = []
    try:
        scored = _scored(run, most)
        best = auc(scored["is_click"].to_numpy(), scored["probability"].to_numpy())
        label = scored["is_click"].to_numpy()
        found = {name: auc(label, scored[name].to_numpy()) for name in _NAMES if name in scored}
        rows += _rows("unbiased", found, best)
        blocks.append(_exposure(run, scored))
        rest = (
            f" Unbiased are {count(len(scored))} impressions of the same requests with items drawn uniformly, each "
            "shown at the top."
        )
    except Missing as missing:
        blocks.append(Note(f"Nothing is said of the unbiased day: {missing}"))
        rest = ""
    table = Table(
        "AUC against the oracle",
        "The oracle ranks by the true click probability at the top of the page without a badge: place and badge are "
        "not known when ranking. On unbiased impressions no model beats it but by chance; the share is that of its AUC "
        f"above 0.5.{rest}",
        ("Impressions", "Ranked by", "AUC", "Share of the oracle's"),
        rows,
        text_columns=2,
    )
    share = share_of_oracle(run.overall.auc, known["overall"])
    lead = (
        f"The logs are simulated, so the best possible ranking is known: the candidate goes {percent(share, 1)} of the "
        "way from chance to there."
    )
    return Section("truth", "Against the truth", lead, [table, *blocks])


def _rows(where: str, found: Mapping[str, float | None], best: float) -> list[tuple[str, ...]]:
    """AUC of the models, then of the truth."""
    rows = [
        (_NAMES[name], decimal(value), percent(share_of_oracle(value, best), 1))
        for name, value in found.items()
        if value is not None
    ]
    rows.append(("the truth", decimal(best), percent(1.0, 1)))
    return [(where if place == 0 else "", *row) for place, row in enumerate(rows)]


def _scored(run: Run, most: int) -> pd.DataFrame:
    if not run.workspace.list(run.workspace.uri("unbiased", f"day={run.day}")):
        raise Missing("the workspace has no such logs.")
    models = {CANDIDATE: candidate_model(run)}
    before = run.record.served_before
    if before and run.workspace.exists(run.workspace.model(before)):
        models[SERVED] = run.workspace.model(before)
    return score_unbiased(run.workspace, run.day, models, run.declaration, most)


def candidate_model(run: Run) -> str:
    """Folder of the candidate's SavedModel.

    Raises:
      Missing: it is not in the workspace any more.
    """
    if run.version and run.workspace.exists(run.workspace.model(run.version)):
        return run.workspace.model(run.version)
    return run.artifact("Trainer", "model", "Format-Serving")


def _exposure(run: Run, scored: pd.DataFrame) -> Figure:
    logged = read(run.workspace, "logs", run.day, ["category"])["category"].to_numpy()
    names = np.unique(np.concatenate([logged, scored["category"].to_numpy()]).astype(str))
    request, category = scored["request_id"].to_numpy(), scored["category"].to_numpy().astype(str)
    drawn = exposure.shares(category, names)
    by_truth = exposure.first_place_shares(request, scored["probability"].to_numpy(), category, names)
    by_model = {
        name: exposure.first_place_shares(request, scored[name].to_numpy(), category, names)
        for name in (CANDIDATE, SERVED)
        if name in scored
    }
    as_logged = exposure.shares(logged.astype(str), names)
    order = np.argsort(-by_truth, kind="stable")
    places = np.arange(len(names))

    def paint(canvas: Canvas) -> None:
        axes = canvas.add_subplot()
        axes.barh(places, 100 * by_truth[order], color="#d3e6dc", height=0.66, label="ranked by the truth")
        for name, color in ((SERVED, style.SERVED), (CANDIDATE, style.CANDIDATE)):
            if name in by_model:
                text = f"ranked by the {_NAMES[name]}"
                axes.plot(
                    100 * by_model[name][order], places, linestyle="", marker="o", markersize=6, color=color, label=text
                )
        axes.plot(
            100 * as_logged[order], places, linestyle="", marker="D", markersize=4.5, color=style.ALERT,
            markerfacecolor="none", label="as shown in the day's logs",
        )  # fmt: skip
        axes.plot(
            100 * drawn[order],
            places,
            linestyle="",
            marker="|",
            markersize=11,
            color=style.MUTED,
            label="drawn at random",
        )
        style.horizontal(axes, [str(names[i]) for i in order])
        axes.set_xlabel("share, %")
        axes.set_xlim(0)
        axes.legend(loc="lower right")

    far = {name: exposure.distance(shares, by_truth) for name, shares in by_model.items()}
    caption = (
        "Category of the item that comes first when each request of the unbiased day is ranked; "
        f"{percent(far[CANDIDATE], 1)} of the candidate's first places would have to move to match the truth's"
    )
    caption += f", {percent(far[SERVED], 1)} of the served model's." if SERVED in far else "."
    return Figure(
        "Exposure by category",
        caption,
        style.draw("exposure", (style.WIDE, 0.8 + 0.26 * len(names)), paint),
    )
