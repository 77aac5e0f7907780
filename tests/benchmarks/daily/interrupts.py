"""Whether a run can be interrupted at any moment."""

from __future__ import annotations

import pathlib
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator

TRIED = 40
FIRST_MOMENT_S = 0.3
"""Python itself takes so long until a command can answer."""


def interrupts() -> Iterator[tuple[str, float]]:
    """Runs of a tiny day, each interrupted at a random moment of it, by turns with SIGINT and SIGTERM, on a terminal
    and in a pipe; clean are those that ended within ten seconds, with their code, one sentence and no process left,
    and after which what was published and served was as before, but for a whole version that the run had pushed."""
    from scenerank.components.pusher.digests import damage
    from tests.pipeline.interrupted import interrupted, run_command
    from tests.pipeline.small_world import DAY, FIRST, SECOND, World

    rng = random.Random(0)
    slowest, tried, clean = 0.0, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        base = World.create(pathlib.Path(folder, "base"))
        base.run("--day", SECOND)
        whole = base.copy(pathlib.Path(folder, "whole"))
        started = time.monotonic()
        interrupted(run_command(whole.workspace.root, whole.config, DAY), 600.0, signal.SIGINT, False)
        duration = time.monotonic() - started
        world = base.copy(pathlib.Path(folder, "world"))
        served, published = world.served(), world.published(FIRST, SECOND)
        while tried < TRIED:
            number = (signal.SIGINT, signal.SIGTERM)[tried % 2]
            after = rng.uniform(FIRST_MOMENT_S, duration)
            end = interrupted(run_command(world.workspace.root, world.config, DAY), after, number, tried % 4 < 2)
            if end is None or end.code in (0, 4):  # it ended first, and may have pushed
                world = base.copy(pathlib.Path(folder, f"world{rng.random()}"))
                continue
            tried += 1
            kept = served.items() <= world.served().items() and world.published(FIRST, SECOND) == published
            whole_versions = not [
                sentence for v in world.workspace.versions() for sentence in damage(world.workspace, v)
            ]
            good = end.clean(number) and kept and whole_versions
            clean, slowest = clean + good, max(slowest, end.seconds)
            if not good:
                told = f"{signal.Signals(number).name} after {after:.1f} s: code {end.code} in {end.seconds:.1f} s"
                print(f"  not clean: {told}, left {end.left}: {end.text[-300:]!r}", file=sys.stderr)
            if world.served() != served:
                world = base.copy(pathlib.Path(folder, f"world{rng.random()}"))
    yield "interrupts_tried", tried
    yield "interrupts_clean", clean
    yield "interrupts_slowest_s", slowest


ON_DEMAND = dict.fromkeys(("interrupts_tried", "interrupts_clean", "interrupts_slowest_s"), interrupts)
