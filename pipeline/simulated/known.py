"""What a report is told of a simulated day."""

from __future__ import annotations

from scenerank.pipeline.report.known import Known, More
from scenerank.pipeline.report.run import Run
from scenerank.pipeline.simulated import debiasing, truth


def known(run: Run) -> Known:
    """The truth beside the run's logs; nothing where they were not simulated."""
    oracle = truth.oracle(run.workspace, run.day)
    if not oracle:
        return Known()
    sections = (
        More("truth", "Against the truth", lambda: truth.section(run, oracle)),
        More("debiasing", "Debiasing and promotions", debiasing.section),
    )
    return Known(oracle, truth.promotions(run.workspace, run.day), sections)
