"""Distribution strategies against one device: the same days, seed and settings, real processes of this machine."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator

from tests.benchmarks.scale._training import Day

IMPRESSIONS = 150_000
STRATEGIES = ("one_device", "mirrored", "multi_worker", "parameter_server")
TOLD_APART = ("multi_worker", "parameter_server")


def _strategies() -> Iterator[tuple[str, float | int]]:
    """Two days of 150,000 impressions to train on, two passes, AUC on a third; SAR-Net.

    Rows a second are those of the second pass. A worker is killed early in the second pass.
    """
    with tempfile.TemporaryDirectory() as folder:
        day = Day(folder, IMPRESSIONS)
        for strategy in STRATEGIES:
            told = day.train(strategy, strategy)
            yield f"strategy_auc_{strategy}", told["auc"]
            yield f"strategy_rows_per_second_{strategy}", round(told["rows_per_second"])
            yield f"strategy_examples_{strategy}", told["examples"]
        for strategy in TOLD_APART:
            told = day.train(strategy, f"{strategy}-killed", kill="worker")
            yield f"strategy_auc_after_kill_{strategy}", told["auc"]
            yield f"strategy_examples_after_kill_{strategy}", told["examples"]


FIGURES = {
    f"strategy_{what}_{strategy}": _strategies
    for strategy in STRATEGIES
    for what in ("auc", "rows_per_second", "examples")
} | {f"strategy_{what}_after_kill_{strategy}": _strategies for strategy in TOLD_APART for what in ("auc", "examples")}
