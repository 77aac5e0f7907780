"""AUC by day over the runs so far."""

from __future__ import annotations

import dataclasses

from matplotlib.figure import Figure as Canvas

from scenerank.components.records.evaluation import CANDIDATE, SERVED
from scenerank.components.records.run import RunRecord, report_folder, run_days
from scenerank.components.workspace import Workspace
from scenerank.pipeline.drawing import style
from scenerank.pipeline.drawing.page import Figure, Missing

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
    runs = []
    for past in [one for one in run_days(workspace) if one <= day][-most:]:
        record = RunRecord.read(report_folder(workspace, past))
        aucs = (record.metrics.of(name).auc for name in (CANDIDATE, SERVED))
        runs.append(Past(past, record.version or 0, *aucs))
    return runs


def auc_by_day(workspace: Workspace, day: str) -> Figure:
    """Raises:
    Missing: fewer than two runs.
    """
    runs = [run for run in past_runs(workspace, day) if run.auc is not None]
    if len(runs) < 2:
        raise Missing("AUC over the days is drawn from the second run on.")
    places = range(len(runs))
    auc = [run.auc for run in runs if run.auc is not None]

    def paint(canvas: Canvas) -> None:
        axes = canvas.add_subplot()
        old = [(i, run.served_auc) for i, run in enumerate(runs) if run.served_auc is not None]
        if old:
            axes.plot(*zip(*old), color=style.SERVED, marker="o", markersize=4, label="in service before the run")
        axes.plot(places, auc, color=style.CANDIDATE, label="candidate", zorder=3)
        for pushed, face in ((True, style.CANDIDATE), (False, "white")):
            chosen = [i for i in places if (runs[i].version > 0) == pushed]
            axes.plot(
                chosen,
                [auc[i] for i in chosen],
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
