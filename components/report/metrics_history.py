"""AUC by day over the runs so far."""

from __future__ import annotations

import dataclasses

from matplotlib.figure import Figure as Canvas

from components.report import style
from components.report.page import Figure, Missing
from components.report.run import CANDIDATE, OVERALL, SERVED
from components.workspace import DAY, Workspace

DAYS = 30


@dataclasses.dataclass(frozen=True)
class Past:
    """One run: AUC of its candidate and of the model in service, None where undefined."""

    day: str
    version: int
    auc: float | None
    served_auc: float | None


def past_runs(workspace: Workspace, day: str, most: int = DAYS) -> list[Past]:
    """Runs up to `day`, the last `most`, oldest first."""
    found = []
    for info in workspace.list(workspace.uri("reports")):
        match = DAY.search(info.base_name)
        if match and match.group(1) <= day and workspace.exists(workspace.uri("reports", info.base_name, "run.json")):
            found.append(match.group(1))
    runs = []
    for past in found[-most:]:
        record = workspace.read_json(workspace.uri("reports", f"day={past}", "run.json"))
        overall = record.get("metrics", {}).get("slices", {}).get(OVERALL, {})
        aucs = (overall.get(name, {}).get("auc") for name in (CANDIDATE, SERVED))
        runs.append(Past(past, int(record.get("version") or 0), *aucs))
    return runs


def auc_by_day(workspace: Workspace, day: str) -> Figure:
    """Raises:
    Missing: fewer than two runs.
    """
    runs = [run for run in past_runs(workspace, day) if run.auc is not None]
    if len(runs) < 2:
        raise Missing("AUC over the days is drawn from the second run on.")
    places = range(len(runs))

    def paint(canvas: Canvas) -> None:
        axes = canvas.add_subplot()
        old = [(i, run.served_auc) for i, run in enumerate(runs) if run.served_auc is not None]
        if old:
            axes.plot(*zip(*old), color=style.SERVED, marker="o", markersize=4, label="in service before the run")
        axes.plot(places, [run.auc for run in runs], color=style.CANDIDATE, label="candidate", zorder=3)
        for pushed, face in ((True, style.CANDIDATE), (False, "white")):
            chosen = [i for i in places if (runs[i].version > 0) == pushed]
            axes.plot(
                chosen,
                [runs[i].auc for i in chosen],
                linestyle="",
                marker="o",
                markersize=5.5,
                color=style.CANDIDATE,
                markerfacecolor=face,
                zorder=4,
            )
        style.vertical(axes)
        style.day_ticks(axes, [run.day for run in runs])
        axes.set_xlim(-0.5, len(runs) - 0.5)
        axes.margins(y=0.25)
        axes.set_ylabel("AUC")
        axes.legend(loc="upper left", bbox_to_anchor=(0, 1.2), ncols=2, borderaxespad=0)

    return Figure(
        "AUC by day",
        "Each day's candidate and the model that was in service, both on that day's impressions; a hollow dot was "
        "not pushed. Days differ, so compare the two lines rather than two days.",
        style.draw("auc-by-day", (style.WIDE, 2.3), paint),
    )
