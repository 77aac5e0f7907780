"""Containers of compiled pipelines against the local runner, on days of a simulated platform."""

from __future__ import annotations

import pathlib
import tempfile
from collections.abc import Iterator

from scenerank.pipeline.sources.simulator import simulate
from tests.pipeline.kubeflow_proof import prove

SECOND = "2024-03-02"
WORLD = {"days": 2, "scenarios": 20, "users": 8000, "items": 1000, "impressions_per_day": 20_000}


def _kubeflow() -> Iterator[tuple[str, float | int]]:
    """Two days of 20,000 impressions: the first is taken in, the second trained for."""
    with tempfile.TemporaryDirectory() as folder:
        workspaces = [f"{folder}/local", f"{folder}/cluster"]
        for workspace in workspaces:
            simulate(workspace, **WORLD, start_day="2024-03-01", seed=0)
        told = prove("simulator", *workspaces, SECOND, pathlib.Path(folder, "scratch"))
        yield "kubeflow_components", told.components
        yield "kubeflow_passed", told.passed
        yield "kubeflow_auc_difference", told.auc_difference


FIGURES = dict.fromkeys(("kubeflow_components", "kubeflow_passed", "kubeflow_auc_difference"), _kubeflow)
