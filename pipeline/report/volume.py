"""How many rows came in, and how many were refused why."""

from __future__ import annotations

import collections
import dataclasses

from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FuncFormatter

from scenerank.components.records.ingestion import IngestionSummary
from scenerank.components.workspace import Workspace
from scenerank.pipeline.drawing import style
from scenerank.pipeline.drawing.page import Figure, Missing, Note, Section, Table, count, listed, percent

DAYS = 30
REASONS = 15


@dataclasses.dataclass(frozen=True)
class Volume:
    """Rows of a published day; `quarantined` by reason, `late` by day."""

    day: str
    read: int
    accepted: int
    duplicates: int
    late: dict[str, int]
    quarantined: dict[str, int]
    damaged: list[str]

    @classmethod
    def of(cls, day: str, summary: IngestionSummary) -> Volume:
        """Reads a day's volume from its summary."""
        return cls(
            day,
            summary.rows_read,
            summary.rows_accepted,
            summary.duplicates,
            summary.rows_late,
            summary.quarantined,
            summary.damaged_files,
        )

    @property
    def refused(self) -> int:
        """Rows in quarantine, for whatever reason."""
        return sum(self.quarantined.values())


def volumes(workspace: Workspace, day: str, most: int = DAYS) -> list[Volume]:
    """Published days up to `day`, the last `most`, oldest first."""
    out = []
    for published in [d for d in workspace.days("quarantine") if d <= day][-most:]:
        summary = IngestionSummary.find(workspace.day("quarantine", published))
        if summary is not None:
            out.append(Volume.of(published, summary))
    return out


def section(workspace: Workspace, day: str) -> Section:
    """Raises:
    Missing: no day of the workspace has a summary.
    """
    days = volumes(workspace, day)
    if not days:
        raise Missing("No published day has a summary of its ingestion.")
    today = days[-1]
    lead = f"{count(today.accepted)} impressions of {today.day} became examples"
    if today.refused or today.duplicates:
        lead += (
            f"; {count(today.refused)} ({percent(_share(today.refused, today))}) went to quarantine and "
            f"{count(today.duplicates)} were duplicates or repeated deliveries."
        )
    else:
        lead += "; none was refused."
    blocks: list[Figure | Table | Note] = [_chart(days)]
    if any(volume.refused for volume in days):
        blocks.append(_reasons(days, today))
    if today.late:
        rows = listed([f"{count(rows)} of {day}" for day, rows in today.late.items()])
        blocks.append(Note(f"Rows of days before, kept for these: {rows}; `scenerank run --day` takes them in."))
    if today.damaged:
        blocks.append(Note(f"Files that could not be read to their end: {listed(today.damaged)}."))
    return Section("data", "Data volume and quarantine", lead, blocks)


def _share(rows: int, volume: Volume) -> float | None:
    return rows / volume.read if volume.read else None


def _chart(days: list[Volume]) -> Figure:
    places = range(len(days))
    lost = any(v.refused or v.duplicates for v in days)

    def paint(canvas: Canvas) -> None:
        panels = canvas.subplots(1, 2 if lost else 1, squeeze=False)[0]
        rows = panels[0]
        rows.bar(places, [v.accepted for v in days], color=style.NEUTRAL, width=min(0.7, 0.12 * len(days)))
        rows.set_title("Accepted rows")
        rows.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        for shares in panels[1:]:
            for label, color, values in (
                ("quarantined", style.ALERT, [100 * (_share(v.refused, v) or 0) for v in days]),
                ("duplicates", style.SERVED, [100 * (_share(v.duplicates, v) or 0) for v in days]),
            ):
                shares.plot(places, values, color=color, marker="o", markersize=4, label=label, clip_on=False, zorder=3)
            shares.set_title("Rows left out, % of those read")
            shares.set_ylim(0, 1.3 * shares.get_ylim()[1])
            shares.legend(loc="upper right", ncols=2)
        for axes in panels:
            style.vertical(axes)
            style.day_ticks(axes, [v.day for v in days])
            axes.set_xlim(-0.6, len(days) - 0.4)

    return Figure(
        "Rows by day",
        f"Published days up to this one, at most {DAYS}; a day that was refused as a whole is not published.",
        style.draw("rows-by-day", (style.WIDE, 2.4 if lost else 1.9), paint),
    )


def _reasons(days: list[Volume], today: Volume) -> Table:
    total: collections.Counter[str] = collections.Counter()
    for volume in days:
        total.update(volume.quarantined)
    order = sorted(total, key=lambda reason: (-today.quarantined.get(reason, 0), -total[reason], reason))
    rows = [
        (reason, count(here), percent(_share(here, today), 3), count(total[reason]))
        for reason in order[:REASONS]
        for here in [today.quarantined.get(reason, 0)]
    ]
    rest = f" The {REASONS} most frequent of {len(order)} reasons." if len(order) > REASONS else ""
    return Table(
        "Reasons for quarantine",
        f"Rows refused on {today.day} and on all days shown; a row counts once, under the first rule it broke.{rest}",
        ("Reason", "Rows", "Share of the day", f"Rows, {len(days)} days"),
        rows,
    )
