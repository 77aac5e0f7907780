"""How the training went, and where the time of the run went."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import MaxNLocator

from scenerank.pipeline.drawing import style
from scenerank.pipeline.drawing.page import Figure, Missing, Note, Section, count, decimal
from scenerank.pipeline.report.run import Run

_PANELS = (("loss", "Loss"), ("auc", "AUC"))
_WATCHED = (
    ("prototype_distance", "Smallest distance of prototypes"),
    ("greatest_share", "Mean greatest share"),
    ("alpha", "Mean alpha of the shared tower"),
    ("effective_share", "Effective share of the rows"),
)
"""What single models tell of themselves, see `models.training.TrainingModel`."""


def epochs(history: Any) -> list[dict[str, float]]:
    """Metrics by epoch of a `history.json`, whether it lists epochs or, as Keras does, metrics."""
    if not isinstance(history, dict):
        return []
    found = history.get("epochs", history)
    if isinstance(found, list):
        return [entry for entry in found if isinstance(entry, dict)]
    curves = {k: v for k, v in found.items() if isinstance(v, list)} if isinstance(found, dict) else {}
    length = max(map(len, curves.values()), default=0)
    return [{name: values[i] for name, values in curves.items() if i < len(values)} for i in range(length)]


def curves(run: Run) -> Section:
    """Raises:
    Missing: the run recorded no epochs.
    """
    history = run.record.history
    found = epochs(history)
    panels, watched = (
        [(key, title) for key, title in known if any(key in e or f"val_{key}" in e for e in found)]
        for known in (_PANELS, _WATCHED)
    )
    if not panels:
        raise Missing("The run recorded no training curve.")
    incremental = _goes_on(history)
    blocks: list[Figure | Note] = [(_days if incremental else _epochs)(history, found, panels)]
    if watched:
        caption = (
            "Numbers near 0 (distance, alpha), or near one over the number of scenarios (share), say that a part of "
            "the model does nothing."
        )
        labels, place = (_DAY_LABELS, "day learned") if incremental else (_EPOCH_LABELS, "epoch")
        drawn = _draw("watched", found, watched, labels, place, history.get("best_epoch"))
        blocks.append(Figure("Parts of the model", caption, drawn))
    blocks += [Note(f"{remark[0].upper()}{remark[1:]}.") for remark in run.record.remarks_on_days]
    return Section("training", "Training", _lead(history, found), blocks)


def _lead(history: dict[str, Any], found: list[dict[str, float]]) -> str:
    rows, parameters = history.get("rows", {}), history.get("parameters", {})
    lineage = history.get("lineage", {})
    parts = []
    if isinstance(rows, dict) and rows.get("train"):
        of = ", ".join(lineage["days"]) if _goes_on(history) else "the window"
        parts.append(f"{count(rows['train'])} impressions of {of} were learned from")
        if rows.get("validation"):
            parts.append(f"{count(rows['validation'])} held out for early stopping")
    if isinstance(parameters, dict) and parameters.get("serving"):
        parts.append(f"the served model has {count(parameters['serving'])} parameters")
    warm = history.get("warm_start")
    if _goes_on(history):
        parts.append(
            f"incremental: every row once, from version {lineage['base']} on, which goes back to the full training of "
            f"{lineage['full_day']}"
        )
    elif lineage.get("reason"):
        parts.append(f"a full training, as {lineage['reason']}")
    elif warm is not None:
        taken = isinstance(warm, dict) and (warm.get("warm") or warm.get("moved"))
        parts.append("training went on from the weights in service" if taken else "training began from initial weights")
    text = "; ".join(parts) or f"{len(found)} epochs"
    return text[0].upper() + text[1:] + "."


def _goes_on(history: dict[str, Any]) -> bool:
    """Whether the training was an incremental one, whose epochs are days."""
    return history.get("lineage", {}).get("mode") == "incremental"


Panels = list[tuple[str, str]]
_DAY_LABELS = ("while it was learned", "before it was learned")
_EPOCH_LABELS = ("training days", "validation day")


def _days(history: dict[str, Any], found: list[dict[str, float]], panels: Panels) -> Figure:
    caption = (
        "Each day's rows as the model met them, before it learned from any of them, and as it learned; the first is an "
        "honest measure, the second a mean over the pass."
    )
    drawn = _draw("training", found, panels, _DAY_LABELS, "day learned", None)
    return Figure("Training, day by day", caption, drawn)


def _epochs(history: dict[str, Any], found: list[dict[str, float]], panels: Panels) -> Figure:
    best = history.get("best_epoch")
    caption = "Metrics on training rows are means over the epoch while weights still move"
    if isinstance(best, int):
        value = found[best].get("val_auc") if 0 <= best < len(found) else None
        caption += f"; the dashed line marks the epoch that was kept (validation AUC {decimal(value)})"
    drawn = _draw("training", found, panels, _EPOCH_LABELS, "epoch", best)
    return Figure("Training curves", caption + ".", drawn)


def _draw(
    name: str, found: list[dict[str, float]], panels: Panels, labels: tuple[str, str], place: str, best: Any
) -> str:
    places = list(range(1, len(found) + 1))

    def paint(canvas: Canvas) -> None:
        for axes, (key, heading) in zip(canvas.subplots(1, len(panels), squeeze=False)[0], panels):
            for metric, color, label in (
                (key, style.SERVED, labels[0]),
                (f"val_{key}", style.CANDIDATE, labels[1]),
            ):
                points = [(place, e[metric]) for place, e in zip(places, found) if e.get(metric) is not None]
                if points:
                    axes.plot(*zip(*points), color=color, marker="o", markersize=4, label=label)
            if isinstance(best, int) and 0 <= best < len(found):
                axes.axvline(best + 1, color=style.MUTED, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
            axes.set_title(heading)
            axes.set_xlabel(place)
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.set_xlim(0.6, len(found) + 0.4)
            axes.margins(y=0.2)
            style.vertical(axes)
            axes.legend(loc="best")

    return style.draw(name, (style.WIDE, 2.3), paint)


def seconds(run: Run) -> Section:
    """Raises:
    Missing: the run recorded no times.
    """
    found = {name: float(value) for name, value in run.record.seconds.items() if value is not None}
    if not found:
        raise Missing("The run recorded no times.")
    total = sum(found.values())
    longest = max(found, key=lambda name: found[name])
    lead = (
        f"{total:,.0f} s in all components together; the longest, {longest}, took {found[longest]:,.0f} s "
        f"({found[longest] / total * 100 if total else 0:.0f} %)."
    )
    names = list(found)

    def paint(canvas: Canvas) -> None:
        axes = canvas.add_subplot()
        places = range(len(names))
        bars = axes.barh(places, [found[name] for name in names], color=style.NEUTRAL, height=0.62)
        axes.bar_label(bars, [f"{found[name]:.1f}" for name in names], padding=4, color=style.INK)
        style.horizontal(axes, names)
        axes.set_xlabel("seconds")
        axes.margins(x=0.08)

    days = run.record.ingested
    caption = "Wall clock in the order of the run"
    caption += f", summed over the {len(days)} days that were taken in." if len(days) > 1 else "."
    chart = Figure("Time by component", caption, style.draw("seconds", (style.WIDE, 0.7 + 0.2 * len(names)), paint))
    blocks: list[Figure | Note] = [chart]
    return Section("time", "Time", lead, blocks)
