"""AUC on public data, through the whole pipeline."""

from __future__ import annotations

import os
import pathlib
import tempfile
from collections.abc import Iterator

from components.workspace import Workspace
from tests.figures._command import run_record, scenerank

KUAIRAND = os.environ.get(
    "SCENERANK_KUAIRAND", str(pathlib.Path(__file__).parents[3] / "shared" / "data" / "kuairand_pure")
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
        slices = run_record(folder, DAY)["metrics"]["slices"]
        yield "kuairand_auc", slices[""]["candidate"]["auc"]
        yield "kuairand_auc_tab_1", slices["1"]["candidate"]["auc"]
        workspace = Workspace(folder)
        summaries = [f"{workspace.day('quarantine', day)}/summary.json" for day in workspace.days("quarantine")]
        yield "kuairand_duplicates", sum(workspace.read_json(path)["duplicates_dropped"] for path in summaries)


def movielens() -> Iterator[tuple[str, float]]:
    """MovieLens-1M: the random split with seed 2022, and the split by time."""
    with tempfile.TemporaryDirectory() as folder:
        for split, name in (("random", "movielens_auc"), ("time", "movielens_time_auc")):
            workspace = os.path.join(folder, split)
            scenerank("import", "movielens", "--split", split, "-w", workspace)
            scenerank("run", "-w", workspace, "-c", "movielens", "--day", "2000-01-03")
            yield name, run_record(workspace, "2000-01-03")["metrics"]["slices"][""]["candidate"]["auc"]


FIGURES = {
    "kuairand_auc": kuairand,
    "kuairand_auc_tab_1": kuairand,
    "kuairand_duplicates": kuairand,
    "movielens_auc": movielens,
    "movielens_time_auc": movielens,
}
