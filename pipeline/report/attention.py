"""Which scenarios' behaviors a model attends to, seen from each scenario."""

from __future__ import annotations

import dataclasses

import numpy as np
from matplotlib.figure import Figure as Canvas

from scenerank.pipeline.drawing import heat, style
from scenerank.pipeline.drawing.page import Figure, Missing, Section, count
from scenerank.pipeline.report.run import Run

PER_SCENARIO = 800
"""Impressions of a scenario that are run through the model."""
DRAWN, LEAST = 20, 20
"""Scenarios on each axis, and behaviors below which a field stays empty."""


@dataclasses.dataclass(frozen=True)
class Attention:
    """Sums over behaviors.

    Attributes:
      current, behavior: names of scenarios, the most frequent first.
      behaviors: int64 `[current, behavior]`, how many were seen.
      relative: float64, same shape: mean weight relative to the average behavior of the same history.
      rows: impressions with a history.
    """

    current: list[str]
    behavior: list[str]
    behaviors: np.ndarray
    relative: np.ndarray
    rows: int


def summarize(current: np.ndarray, behavior: np.ndarray, weight: np.ndarray, length: np.ndarray) -> Attention:
    """Sums weights by pair of scenarios.

    Args:
      current: scenario of each impression, text `[B]`.
      behavior: scenario of each behavior, text `[N]`, impression after impression.
      weight: float `[N]`, theirs; those of an impression may add up to anything.
      length: int64 `[B]`, behaviors of each impression.
    """
    row = np.repeat(np.arange(len(current)), length)
    total = np.bincount(row, weight, minlength=len(current))[row]
    relative = np.divide(weight * length[row], total, out=np.zeros(len(weight)), where=total > 0)
    names, of = np.unique(current, return_inverse=True)
    sources, source = np.unique(behavior, return_inverse=True)
    field = of[row] * len(sources) + source
    size = len(names) * len(sources)
    seen = np.bincount(field, minlength=size).reshape(len(names), len(sources))
    sums = np.bincount(field, relative, minlength=size).reshape(seen.shape)
    rows, columns = np.argsort(-seen.sum(1), kind="stable"), np.argsort(-seen.sum(0), kind="stable")
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = sums / seen
    return Attention(
        names[rows].tolist(),
        sources[columns].tolist(),
        seen[np.ix_(rows, columns)],
        mean[np.ix_(rows, columns)],
        int((length > 0).sum()),
    )


def section(run: Run) -> Section:
    """Raises:
    Missing: the model has no attention, or what it takes to run it is gone.
    """
    if run.declaration.history is None or not any(
        c.source == run.declaration.scenario.name for c in run.declaration.history_columns
    ):
        raise Missing("Impressions of this data set have no history with scenarios.")
    weights = run.artifact("Trainer", "model_run", "weights")
    graph = run.artifact("Transform", "transform_graph")
    from scenerank.pipeline.report.attention_weights import measure

    found = summarize(*measure(run, weights, graph, PER_SCENARIO))
    return Section("attention", "Attention over behaviors", _LEAD, [chart(found)])


_LEAD = (
    "How much weight the candidate gives a past behavior, by the scenario it comes from and the scenario that is "
    "looked at now; 1 is the average behavior of the same history."
)


def chart(found: Attention, of: str = "scenario", seen: str = "of the day") -> Figure:
    """Relative weights by scenario looked at and by what the behaviors are.

    Args:
      of: what `found.behavior` names: the behaviors' `scenario` or `type`.
      seen: which impressions were run, for the caption.

    Raises:
      Missing: too few behaviors.
    """
    value = np.where(found.behaviors >= LEAST, found.relative, np.nan)
    kept = [np.flatnonzero(np.isfinite(value).any(axis))[:DRAWN] for axis in (1, 0)]
    if not len(kept[0]):
        raise Missing(f"No scenario has {LEAST} behaviors of one {of} yet.")
    value = value[np.ix_(*kept)]
    rows, columns = [found.current[i] for i in kept[0]], [found.behavior[i] for i in kept[1]]
    wide = len(columns) > 10

    def paint(canvas: Canvas) -> None:
        axes = canvas.add_subplot()
        image = heat.fields(axes, value, heat.around_one(value), rows, columns, 6.2 if wide else 7.5, upright=wide)
        axes.set_xlabel(f"{of} of the behavior")
        axes.set_ylabel("scenario looked at")
        heat.bar(canvas, image, axes)

    rest = max(len(found.current) - len(rows), len(found.behavior) - len(columns))
    return Figure(
        f"Relative attention by {of}",
        f"From {count(found.rows)} impressions {seen}, at most {PER_SCENARIO} a scenario, with "
        f"{count(found.behaviors.sum())} behaviors; fields with fewer than {LEAST} behaviors are empty"
        + (f", and the rarest {of}s left out." if rest else "."),
        style.draw(
            "attention" if of == "scenario" else f"attention-{of}",
            (style.WIDE, 1.2 + 0.24 * len(rows) + (0.35 if wide else 0)),
            paint,
        ),
    )
