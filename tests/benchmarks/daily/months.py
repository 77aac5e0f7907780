"""Whether a workspace stays as large, and a day as long, however many days came before."""

from __future__ import annotations

import pathlib
import statistics
import tempfile
import time
from collections.abc import Iterator

from tests.pipeline.small_world import FIRST, World

DAYS, EARLY = 30, 10
BOUNDS = ("retention.artifacts=3", "retention.examples=7", "retention.versions=5", "checks.usual_days=7")
"""Bounds that day `EARLY` has reached, so that what grows beyond it grows for ever."""


def months() -> Iterator[tuple[str, float]]:
    """Thirty tiny days, one after the other: bytes of the workspace without the raw logs, and seconds of a day.

    Raises:
      RuntimeError: a day did not end well.
    """
    from scenerank.components.workspace import shift

    chosen = [word for bound in BOUNDS for word in ("--set", bound)]
    with tempfile.TemporaryDirectory() as folder:
        world = World.create(pathlib.Path(folder) / "world", days=DAYS + 1)
        seconds, sizes = [], {}
        for number in range(1, DAYS + 1):
            day, started = shift(FIRST, number), time.process_time()
            answer = world.run("--day", day, *chosen)
            if answer.code not in (0, 4):
                raise RuntimeError(f"{day}: {answer.text}")
            seconds.append(time.process_time() - started)
            sizes[number] = _bytes(pathlib.Path(world.workspace.root))
    yield "workspace_growth", sizes[DAYS] / sizes[EARLY]
    yield "workspace_mib_day_30", sizes[DAYS] / 2**20
    yield "day_core_seconds_growth", statistics.median(seconds[-5:]) / statistics.median(seconds[EARLY - 5 : EARLY])


def _bytes(root: pathlib.Path) -> int:
    """Of all files but the raw logs; one that has several names counts once."""
    found = {}
    for path in root.rglob("*"):
        if path.is_file() and path.relative_to(root).parts[0] != "logs":
            status = path.stat()
            found[status.st_ino] = status.st_size
    return sum(found.values())


ON_DEMAND = {"workspace_growth": months, "day_core_seconds_growth": months}
