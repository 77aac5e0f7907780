"""Before any test module imports a library that loads Keras; and the order of files."""

from __future__ import annotations

import gc
import pathlib

import pytest

import scenerank  # noqa: F401

LONGEST = (
    "components/test_strategies.py",
    "pipeline/test_faults.py",
    "pipeline/test_kills.py",
    "models/test_conformance_training.py",
    "pipeline/test_kubeflow_run.py",
    "components/test_trainer.py",
    "components/test_incremental.py",
    "models/test_conformance_variants.py",
    "models/test_conformance.py",
    "pipeline/test_incremental_days.py",
    "pipeline/test_portable.py",
    "models/test_sar_net.py",
    "pipeline/test_champion.py",
    "pipeline/test_two_passes.py",
    "test_docs.py",
    "components/test_export.py",
    "pipeline/test_truth.py",
    "pipeline/test_hot_keys.py",
    "pipeline/test_evil_files.py",
    "pipeline/test_exit_codes.py",
    "pipeline/test_comparisons.py",
    "pipeline/test_trial.py",
    "pipeline/test_client.py",
    "pipeline/test_dockerfile.py",
    "pipeline/test_releases.py",
)
"""Of the tests' files, by how long they take."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the longest files first: then a short one is the last of a run, and no worker waits long for another."""
    folder = pathlib.Path(__file__).parent
    place = {folder / name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path, len(place)))


def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Takes what a file's tests left out of the collector's sight, which looks at millions of objects else."""
    if nextitem is None or nextitem.path != item.path:
        gc.collect()
        gc.freeze()
