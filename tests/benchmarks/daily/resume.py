"""What a day costs that goes on after a failure."""

from __future__ import annotations

import pathlib
import tempfile
import time
from collections.abc import Iterator

IN_THE_EVALUATOR = {"component": "Evaluator", "function": "scenerank.components.scoring:Scorer.__call__", "call": 1}


def resume_seconds() -> Iterator[tuple[str, float]]:
    """Wall clock of a day killed in the Evaluator and run again, over that of the same day left alone; a tiny day, most
    of which is what components cost whatever they do.

    Raises:
      RuntimeError: a day did not end well, or did not go on.
    """
    from tests.pipeline.killed_runs import run
    from tests.pipeline.small_world import DAY, SECOND, World

    seconds = {}
    with tempfile.TemporaryDirectory() as folder:
        base = World.create(pathlib.Path(folder, "base"))
        if base.run("--day", SECOND).code:
            raise RuntimeError("the day before did not end well")
        for name in ("whole", "resumed"):
            world = base.copy(pathlib.Path(folder, name))
            if name == "resumed":
                run(world.workspace.root, world.config, DAY, moment="before", **IN_THE_EVALUATOR)
            started = time.monotonic()
            code = run(world.workspace.root, world.config, DAY)
            seconds[name] = time.monotonic() - started
            record = world.workspace.read_json(world.workspace.uri("reports", f"day={DAY}", "run.json"))
            if code or record["resumed"] != (name == "resumed"):
                raise RuntimeError(f"the {name} run ended with {code}")
    yield "run_seconds", seconds["whole"]
    yield "resume_seconds", seconds["resumed"]
    yield "resume_seconds_ratio", seconds["resumed"] / seconds["whole"]


FIGURES = {"resume_seconds_ratio": resume_seconds, "resume_seconds": resume_seconds, "run_seconds": resume_seconds}
