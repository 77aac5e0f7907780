"""MuseNet: the scenarios that it learned (the paper's Figure 5)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure as Canvas
from sklearn.manifold import TSNE

from scenerank.pipeline.drawing import style
from scenerank.pipeline.drawing.page import Figure, Missing, Note, Table, count, decimal, percent, present
from scenerank.pipeline.explain.learned_scenarios import assignments, purposes, rand_index
from scenerank.pipeline.explain.picture import Picture
from scenerank.pipeline.explain.scenario_averages import Averages, averages
from scenerank.pipeline.explain.subject import Subject

POINTS = 2000
PERPLEXITY = 30.0
COLUMNS = 14
"""Raw features of the table."""


def learned_scenario_picture(subject: Subject) -> Picture:
    """The metric space as t-SNE sees it, and the learned scenarios' mean raw features.

    Raises:
      Missing: no scenarios are learned.
    """
    found = assignments(subject)
    learned = found.shares.argmax(1)
    names = [f"s{k}" for k in range(1, found.shares.shape[1] + 1)]
    random = np.random.default_rng(subject.seed)
    rows = np.sort(random.permutation(len(learned))[:POINTS])
    prototypes = subject.model.prototypes.numpy()
    places = embedded(np.concatenate([found.points[rows], prototypes]), subject.seed)
    numbers = {
        "learned_scenario": names,
        "rows": np.bincount(learned, minlength=len(names)),
        "mean_share": found.shares.mean(0),
        "adjusted_rand_of_given_scenario": rand_index(found.shares, subject.prepared.facts.scenario),
        "tsne": {"rows": rows, "points": places[: len(rows)], "learned": learned[rows]},
        "prototypes": places[len(rows) :],
    }
    given = decimal(numbers["adjusted_rand_of_given_scenario"], 3)
    lead = (
        f"The model sorts rows into {len(names)} scenarios of its own, here by their largest share. Their agreement "
        f"with the given scenarios is {given} (adjusted Rand index: 1 the same, 0 as by chance)"
    )
    try:
        purpose = purposes(subject)
    except Missing:
        lead += "."
    else:
        numbers["hidden_purpose"] = {
            "adjusted_rand": rand_index(found.shares, purpose),
            "adjusted_rand_of_planned_trips": rand_index(found.shares, purpose, purpose != "none"),
        }
        lead += f", with the hidden purposes of trips {decimal(numbers['hidden_purpose']['adjusted_rand'], 3)}."
    blocks: list[Figure | Table | Note] = [_chart(names, learned[rows], places, found.shares[rows].max(1))]
    means = averages(subject, found, names)
    numbers["average_features"] = means.means.to_dict("index")
    numbers["difference"] = means.difference.to_dict()
    blocks.append(_table(means, names))
    return Picture("scenarios", "Learned scenarios", lead, blocks, numbers)


def embedded(points: np.ndarray, seed: int) -> np.ndarray:
    """t-SNE of `[n, D]` in the plane, float `[n, 2]`, the same for the same seed."""
    perplexity = min(PERPLEXITY, (len(points) - 1) / 3)
    machine = TSNE(2, perplexity=perplexity, init="pca", random_state=seed, learning_rate="auto")
    return machine.fit_transform(points.astype(np.float64))


def _chart(names: Sequence[str], learned: np.ndarray, places: np.ndarray, largest: np.ndarray) -> Figure:
    """`places`: rows, then prototypes, `[n + K, 2]`."""
    points, prototypes = places[: len(learned)], places[len(learned) :]

    def paint(canvas: Canvas) -> None:
        axes = canvas.add_subplot()
        for k, name in enumerate(names):
            color, mine = style.CATEGORIES[k % len(style.CATEGORIES)], points[learned == k]
            axes.scatter(
                mine[:, 0], mine[:, 1], s=7, color=color, linewidths=0, alpha=0.65, label=f"{name}, {len(mine):,} rows"
            )
        for k, name in enumerate(names):
            color = style.CATEGORIES[k % len(style.CATEGORIES)]
            x, y = prototypes[k]
            axes.scatter(x, y, s=120, marker="X", color=color, edgecolors="white", linewidths=1.2, zorder=3)
            axes.annotate(
                name, prototypes[k], (8, 5), textcoords="offset points", fontsize=9, fontweight="bold",
                bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.8}, zorder=4,
            )  # fmt: skip
        axes.set_xticks([])
        axes.set_yticks([])
        for spine in axes.spines.values():
            spine.set_visible(False)
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), markerscale=2)

    caption = (
        f"{count(len(learned))} rows of the test, drawn at random, by t-SNE of their projections; crosses are "
        f"prototypes. {percent((largest > 0.8).mean(), 0)} of the rows belong to a scenario by more than 0.8. "
        "Distances between clusters mean little."
    )
    return Figure("The metric space", caption, style.draw("scenarios", (style.WIDE, 5.2), paint))


def _table(found: Averages, names: Sequence[str]) -> Table:
    """Rows are features: first what every data set has, then the raw ones in which scenarios differ most."""
    first = [name for name in found.means if name not in found.difference.index]
    shown = [*first, *found.difference.index[:COLUMNS]]
    rows = []
    for name in shown:
        cells = [number(found.means.loc[scenario, name]) for scenario in (*names, "all")]
        rows.append((name, *cells, decimal(found.difference.get(name), 2)))
    caption = (
        "As logged; counts n are log(1 + n), rates the logarithm of how they compare with all impressions'. The last "
        "column is how far the scenarios' means are apart, in standard deviations of the rows"
    )
    left = len(found.difference) - COLUMNS
    caption += f"; {left} features that differ less are in scenarios.json." if left > 0 else "."
    return Table("Average raw features", caption, ("", *names, "all", "difference"), rows)


def number(value: float) -> str:
    """As many digits as say something."""
    if not present(value):
        return decimal(value)
    size = abs(value)
    if 0 < size < 0.001:
        return f"{value:.1e}".replace("-", "−")
    return decimal(value, 0 if size >= 1000 or value == round(value) else 1 if size >= 100 else 3)
