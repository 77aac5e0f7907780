"""How long a daily run takes, and that running it again changes nothing."""

from __future__ import annotations

import pathlib
import tempfile
from collections.abc import Iterator

import pyarrow.parquet as pq

from scenerank.components.records.run import run_record
from scenerank.components.workspace import Workspace
from tests.benchmarks._command import scenerank

WORLD = ("--days", "3", "--scenarios", "5", "--users", "500", "--items", "100", "--impressions-per-day", "1000")


def quickstart() -> Iterator[tuple[str, float | int]]:
    """What `make run` does once everything is installed."""
    with tempfile.TemporaryDirectory() as folder:
        yield "quickstart_seconds", scenerank("quickstart", "-w", folder, allowed=(0, 4))
        yield "quickstart_versions", len(Workspace(folder).versions())


def overhead() -> Iterator[tuple[str, float]]:
    """A whole day on 1,000 impressions, with a model in service to compare with."""
    with tempfile.TemporaryDirectory() as folder:
        scenerank("simulate", "-w", folder, *WORLD)
        scenerank("run", "-w", folder, "-c", "simulator", "--day", "2024-03-02", allowed=(0, 4))
        yield (
            "daily_overhead_seconds",
            scenerank("run", "-w", folder, "-c", "simulator", "--day", "2024-03-03", allowed=(0, 4)),
        )


def rerun() -> Iterator[tuple[str, int]]:
    """The same day twice: 1 if tables, coefficients, metrics and the served version are the same."""
    with tempfile.TemporaryDirectory() as folder:
        scenerank("simulate", "-w", folder, *WORLD[:-1], "4000")
        workspace = Workspace(folder)
        seen = []
        for _ in range(2):
            for day in ("2024-03-02", "2024-03-03"):
                scenerank("run", "-w", folder, "-c", "simulator", "--day", day, allowed=(0, 4))
            metrics = run_record(workspace, "2024-03-03").metrics.model_dump()["slices"]
            table = pq.ParquetFile(workspace.path(workspace.day("fairness", "2024-03-03")) + "/fairness.parquet").read()
            examples = workspace.list(workspace.day("examples", "2024-03-03") + "/examples", recursive=True)
            files = {info.base_name: pathlib.Path(info.path).read_bytes() for info in examples if info.is_file}
            seen.append((metrics, table, files, workspace.served()))
        (metrics, table, files, served), (again, table_again, files_again, served_again) = seen
        same = _close(metrics, again) and table.equals(table_again) and files == files_again and served == served_again
        yield "rerun_identical", int(same)


def _close(one: dict, other: dict) -> bool:
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_close(one[key], other[key]) for key in one)
    return one == other or abs(one - other) <= 1e-6


FIGURES = {
    "quickstart_seconds": quickstart,
    "quickstart_versions": quickstart,
    "daily_overhead_seconds": overhead,
    "rerun_identical": rerun,
}
