"""AUC on public data, through the whole pipeline."""

from __future__ import annotations

import os
import pathlib
import statistics
import tempfile
from collections.abc import Iterator

from scenerank.components.records.evaluation import CANDIDATE
from scenerank.components.records.ingestion import IngestionSummary
from scenerank.components.records.run import run_record
from scenerank.components.workspace import Workspace, shift
from scenerank.pipeline.config import load_config
from tests.benchmarks._command import scenerank

KUAIRAND = os.environ.get(
    "SCENERANK_KUAIRAND", str(pathlib.Path(__file__).parents[4] / "shared" / "data" / "kuairand_pure")
)
DAY = "2022-05-05"


def kuairand() -> Iterator[tuple[str, float | int | str]]:
    """Day 2022-05-05, trained on the ten days before it."""
    if not os.path.isdir(KUAIRAND):
        yield "kuairand_auc", f"skipped, no data at {KUAIRAND} (set SCENERANK_KUAIRAND)"
        return
    with tempfile.TemporaryDirectory() as folder:
        scenerank("import", "kuairand", "--source", KUAIRAND, "-w", folder)
        scenerank("run", "-w", folder, "-c", "kuairand", "--day", DAY)
        workspace = Workspace(folder)
        metrics = run_record(workspace, DAY).metrics
        yield "kuairand_auc", metrics.of(CANDIDATE).auc
        yield "kuairand_auc_tab_1", metrics.of(CANDIDATE, "1").auc
        folders = [workspace.day("quarantine", day) for day in workspace.days("quarantine")]
        yield "kuairand_duplicates", sum(IngestionSummary.read(one).duplicates_dropped for one in folders)


def movielens() -> Iterator[tuple[str, float]]:
    """MovieLens-1M: the random split with seed 2022, and the split by time."""
    with tempfile.TemporaryDirectory() as folder:
        for split, name in (("random", "movielens_auc"), ("time", "movielens_time_auc")):
            workspace = os.path.join(folder, split)
            scenerank("import", "movielens", "--split", split, "-w", workspace)
            scenerank("run", "-w", workspace, "-c", "movielens", "--day", "2000-01-03")
            yield name, run_record(Workspace(workspace), "2000-01-03").metrics.of(CANDIDATE).auc


RETRAINED = [f"2022-05-0{number}" for number in range(1, 6)]
SEEDS = (0, 1)


def retraining() -> Iterator[tuple[str, float | str]]:
    """KuaiRand's last five days, each day's model trained on the days before it and judged on that day, three ways (see
    `_retraining.chains`).

    Means over days and seeds: of AUC, of the seconds of reading and learning, by the clock and of the cores, and of the
    examples learned from; the mean gain in AUC of a day's incremental model over its full one, with its standard error;
    the core seconds of a training of one step, and what an incremental training takes beyond these as a share of what
    a full one does.
    """
    from tests.benchmarks.daily import _retraining

    if not os.path.isdir(KUAIRAND):
        yield "retraining_auc_full", f"skipped, no data at {KUAIRAND} (set SCENERANK_KUAIRAND)"
        return
    config = load_config("kuairand")
    days = [shift(RETRAINED[0], -1), *RETRAINED]
    with tempfile.TemporaryDirectory() as folder:
        scenerank("import", "kuairand", "--source", KUAIRAND, "-w", f"{folder}/workspace")
        workspace = Workspace(f"{folder}/workspace")
        _retraining.ingest(config, workspace, folder)
        for day in days:
            _retraining.lay_out(config, workspace, folder, day)
        found = [_retraining.chains(config, folder, days, seed) for seed in SEEDS]
        fixed = [_retraining.fixed(config, folder, days[-1], seed)["core_seconds"] for seed in SEEDS]
    means = {
        (what, mode): statistics.fmean(one[what] for chain in found for one in chain[mode])
        for what in ("auc", "seconds", "core_seconds", "examples")
        for mode in found[0]
    }
    for (what, mode), value in means.items():
        yield f"retraining_{what}_{mode}", value
    least = statistics.fmean(fixed)
    beyond = [means["core_seconds", mode] - least for mode in ("incremental", "full")]
    yield "retraining_core_seconds_fixed", least
    yield "retraining_core_seconds_beyond_fixed", beyond[0] / beyond[1]
    gains = [on["auc"] - full["auc"] for chain in found for on, full in zip(chain["incremental"], chain["full"])]
    yield "retraining_gain", statistics.fmean(gains)
    yield "retraining_gain_error", statistics.stdev(gains) / len(gains) ** 0.5


FIGURES = {
    "kuairand_auc": kuairand,
    "kuairand_auc_tab_1": kuairand,
    "kuairand_duplicates": kuairand,
    "retraining_auc_full": retraining,
    "retraining_auc_incremental": retraining,
    "retraining_auc_warm": retraining,
    "retraining_seconds_full": retraining,
    "retraining_seconds_incremental": retraining,
    "retraining_seconds_warm": retraining,
    "retraining_core_seconds_full": retraining,
    "retraining_core_seconds_incremental": retraining,
    "retraining_core_seconds_warm": retraining,
    "retraining_core_seconds_fixed": retraining,
    "retraining_core_seconds_beyond_fixed": retraining,
    "retraining_examples_full": retraining,
    "retraining_examples_incremental": retraining,
    "retraining_examples_warm": retraining,
    "retraining_gain": retraining,
    "retraining_gain_error": retraining,
    "movielens_auc": movielens,
    "movielens_time_auc": movielens,
}
