"""What debiasing does on platforms whose truth is known: 20 scenarios, 20,000 users, 2,000 items, seven days of 40,000
impressions to train on, four of them with promotions, and an eighth to rank. Pairs of trainings differ in nothing else;
standard errors are those of the differences over seeds. Ordinary pages are ordered by users' tastes, or, where a figure
says so, by a ranker that has learned from logs. Results are kept, see `_debias_results`."""

from __future__ import annotations

import math
import pathlib
from collections.abc import Iterable, Iterator

from tests.benchmarks.daily._debias_results import READINGS, mean, measured

SEEDS, STRENGTH = 5, 4.0
CEILING = "told the truth"
PARTS = {
    CEILING: 3, "coefficient": 3, "position": SEEDS, "weighting": 3, "weighting from 0.5": 2, "nets and weighting": 2,
    "multiply": 2, "one net": 2,
}  # fmt: skip
"""Seeds by what else is trained at `STRENGTH`."""
WITHOUT = {("logged", "on"): SEEDS, ("taste", "on"): 3, ("taste", CEILING): 3}
"""Seeds by ranker and training on platforms that promote nothing."""
PARTS_OF_TABLE_5 = {"": "on", "_nets": "coefficient", "_weighting": "weighting", "_both": "nets and weighting"}
BY_MODEL = {"": ("position", "off"), "_shared_bottom": ("shared_bottom position", "shared_bottom off")}
DOCS = pathlib.Path(__file__).parents[3] / "docs/benchmarks"
Figure = Iterator[tuple[str, float]]


def _gains(
    strength: float, name: str, what: str = "auc", base: str = "off", ranker: str = "taste", seeds: int | None = None
) -> list[float]:
    """Of each seed, over `base`; of the parts at `STRENGTH` as many as there are."""
    seeds = PARTS.get(name, SEEDS) if seeds is None else seeds
    found = [measured(strength, seed, (base, name), ranker) for seed in range(seeds)]
    return [one[name][what] - one[base][what] for one in found]


def _with_error(figure: str, found: Iterable[float]) -> Figure:
    yield from zip((figure, f"{figure}_stderr"), mean(found))


def label_correlation() -> Figure:
    """Of log FC with a click beyond its probability: nothing of a row's label is in its coefficient."""
    for name in READINGS:
        found = [measured(STRENGTH, seed, (name,))[name] for seed in range(SEEDS if name != "score" else 2)]
        suffix = "" if name == "exposure" else f"_{name}"
        yield f"fairness_label_correlation{suffix}", sum(one["label"] for one in found) / len(found)
        yield f"fairness_label_correlation{suffix}_stderr", 1 / math.sqrt(sum(one["rows"] for one in found))


def promoted_correlation() -> Figure:
    """Of log FC with having been put there by a promotion."""
    for name in READINGS:
        found = [measured(STRENGTH, seed, (name,))[name] for seed in range(SEEDS if name != "score" else 2)]
        suffix = "" if name == "exposure" else f"_{name}"
        yield f"fairness_promoted_correlation{suffix}", sum(one["promoted"] for one in found) / len(found)


def debias() -> Figure:
    """The shipped configuration against the same without debiasing; `_told`: what the truth in its place would gain."""
    for suffix, kind in (("", "on"), ("_told", CEILING)):
        yield from _with_error(f"debias_auc_gain{suffix}", _gains(STRENGTH, kind))
    found = [measured(STRENGTH, seed, ("on", "off")) for seed in range(SEEDS)]
    yield "debias_exposure_error", mean(one["on"]["exposure_error"] for one in found)[0]
    yield "debias_exposure_error_off", mean(one["off"]["exposure_error"] for one in found)[0]


def debias_coefficient() -> Figure:
    """Bias nets that know the coefficient alone, where the log tells no place on the page."""
    yield from _with_error("debias_coefficient_auc_gain", _gains(STRENGTH, "coefficient"))


def debias_without_promotions() -> Figure:
    """As `debias`, on platforms that promote nothing and rank by what logs taught them; then on platforms whose ranker
    knows tastes. What that one put on top is liked more than any input tells, which bias nets take for the place's
    doing: `_told` is the gain of who is told what the place truly did."""
    for (ranker, kind), seeds in WITHOUT.items():
        suffix = ("" if ranker == "logged" else f"_{ranker}") + ("" if kind == "on" else "_told")
        gain, error = mean(_gains(0.0, kind, ranker=ranker, seeds=seeds))
        yield f"debias_auc_gain_0{suffix}", gain
        yield f"debias_auc_gain_stderr_0{suffix}", error


def debias_logs() -> Figure:
    """On the last day's own impressions, the paper's measure (Table 5: +0.0086 both, +0.0044 bias nets, +0.0053
    weighting): of what ships and of each part."""
    for suffix, kind in PARTS_OF_TABLE_5.items():
        yield from _with_error(f"debias_logs_auc_gain{suffix}", _gains(STRENGTH, kind, "logged_auc"))


def position() -> Figure:
    """The place on the page as a bias column against not, without coefficients."""
    for suffix, (name, base) in BY_MODEL.items():
        yield from _with_error(f"position_auc_gain{suffix}", _gains(STRENGTH, name, base=base))


def serving_calibration() -> Figure:
    """Predicted over observed clicks of ordinary impressions, bias nets left out; and what the truth has: a day's
    clicks are chance."""
    found = [measured(STRENGTH, seed, ("on",))["on"] for seed in range(SEEDS)]
    for suffix, name in (("", "pcoc"), ("_truth", "truth")):
        yield from _with_error(f"serving_pcoc_ordinary{suffix}", (one[name] for one in found))


def debias_curve() -> Figure:
    """As `debias` with promotions and without, and with them the parts alone; writes `docs/benchmarks/debias.*`."""
    from tests.benchmarks.daily import _debias_page

    parts = {"off": SEEDS, "on": SEEDS, **PARTS}
    at = [measured(STRENGTH, seed, [kind for kind in parts if seed < parts[kind]]) for seed in range(SEEDS)]
    without = {
        (ranker, kind): [measured(0.0, seed, ("off", kind), ranker) for seed in range(seeds)]
        for (ranker, kind), seeds in WITHOUT.items()
    }
    by_strength = {0.0: without["taste", "on"], STRENGTH: at}
    _debias_page.write(by_strength, without, DOCS)
    for strength, found in by_strength.items():
        yield f"debias_auc_gain_at_{strength:g}", mean(one["on"]["auc"] - one["off"]["auc"] for one in found)[0]


FIGURES = {
    "fairness_label_correlation": label_correlation,
    "fairness_promoted_correlation": promoted_correlation,
    "debias_auc_gain": debias,
    "debias_auc_gain_stderr": debias,
    "debias_exposure_error": debias,
    "debias_exposure_error_off": debias,
    "debias_coefficient_auc_gain": debias_coefficient,
    "debias_auc_gain_0": debias_without_promotions,
    "debias_logs_auc_gain": debias_logs,
    "position_auc_gain": position,
    "serving_pcoc_ordinary": serving_calibration,
}
ON_DEMAND = {"debias_curve": debias_curve}
"""Measured only when named: from nothing it takes an hour."""
