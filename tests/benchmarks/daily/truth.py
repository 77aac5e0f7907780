"""How near models come to the simulator's truth."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator

from scenerank.components.records.evaluation import CANDIDATE
from scenerank.components.records.run import run_record
from scenerank.components.workspace import Workspace
from scenerank.pipeline.simulated.truth import share_of_oracle
from scenerank.pipeline.sources.simulator.oracle import oracle_auc
from tests.benchmarks._command import scenerank

LAST = "2024-03-08"


def oracle_share() -> Iterator[tuple[str, float]]:
    """AUC above 0.5 as a share of the oracle's: 8 days of 100,000 impressions, the pipeline run for the last."""
    with tempfile.TemporaryDirectory() as folder:
        scenerank("simulate", "-w", folder)
        scenerank("run", "-w", folder, "-c", "simulator", "--day", LAST, allowed=(0, 4))
        found = run_record(Workspace(folder), LAST).metrics.of(CANDIDATE)
        yield "oracle_share", share_of_oracle(found.auc, oracle_auc(folder, LAST)["overall"])
        yield "serving_pcoc_ordinary_run", found.pcoc_ordinary


FIGURES = {"oracle_share": oracle_share}
