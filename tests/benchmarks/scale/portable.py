"""A day on the portable runner, its workers processes of their own, against the same day in one process."""

from __future__ import annotations

import json
import pathlib
import tempfile
from collections.abc import Iterator

from tests.benchmarks._command import scenerank
from tests.pipeline.portable import portable
from tests.pipeline.small_world import DAY, SECOND, World


def portable_run() -> Iterator[tuple[str, int]]:
    """Rows that went through, and whether every table and every trained weight is the same, byte by byte."""
    with tempfile.TemporaryDirectory() as folder:
        inside = World.create(pathlib.Path(folder) / "inside")
        outside = inside.copy(pathlib.Path(folder) / "outside")
        scenerank("run", "-w", inside.workspace.root, "-c", inside.config, "--from", SECOND, "--to", DAY)
        with portable(pathlib.Path(folder) / "logs") as engine:
            beam = ("--set", f"beam={json.dumps(engine.settings)}")
            scenerank("run", "-w", outside.workspace.root, "-c", outside.config, "--from", SECOND, "--to", DAY, *beam)
        rows = 0
        for day in outside.workspace.days("examples"):
            folder_of_day = outside.workspace.day("quarantine", day)
            rows += outside.workspace.read_json(f"{folder_of_day}/summary.json")["rows_accepted"]
        yield "portable_rows", rows
        yield "portable_identical", int(_files(inside) == _files(outside))


def _files(world: World) -> dict[str, str]:
    """Hashes of what is published of all days and of all weights; statistics, whose last bits may differ, aside."""
    found = world.published(*world.workspace.days("examples"))
    found |= {name: digest for name, digest in world.served().items() if name.startswith("checkpoints/")}
    return {name: digest for name, digest in found.items() if not name.endswith("FeatureStats.pb")}


FIGURES = dict.fromkeys(("portable_rows", "portable_identical"), portable_run)
