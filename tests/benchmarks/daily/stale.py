"""Whether what is published follows what it was made of, when that changes."""

from __future__ import annotations

import pathlib
import shutil
import tempfile
from collections.abc import Iterator

SPOILED = 40
NEW_HISTORY = "history:\n  types: {click: is_click}\n  length: 5\n"


def stale_values() -> Iterator[tuple[str, int]]:
    """Values of published days that differ from a computation of their own after late clicks, a changed declaration and
    a lost day; and how many were compared.

    Raises:
      RuntimeError: a day did not end well.
    """
    from scenerank.components.workspace import shift
    from scenerank.pipeline.config import load_config
    from tests.pipeline.naive_days import differing
    from tests.pipeline.small_world import DAY, FIRST, SECOND, World, changed

    wrong = values = 0
    with tempfile.TemporaryDirectory() as folder:
        world = World.create(pathlib.Path(folder, "world"), days=5)

        def run(day: str, *days: str, settings: tuple[str, ...] = ()) -> None:
            nonlocal wrong, values
            answer = world.run("--day", day, *(word for setting in settings for word in ("--set", setting)))
            if answer.code not in (0, 4):
                raise RuntimeError(answer.text)
            config = load_config(world.config)
            for one in (*days, day):
                found = differing(world.workspace, config, one)
                wrong, values = wrong + found[0], values + found[1]

        run(SECOND, FIRST)
        world.write(changed(world.rows(SECOND), "is_click", 1, slice(0, SPOILED)), SECOND)
        run(DAY, FIRST, SECOND)
        declaration = world.folder / "small.yaml"
        told = declaration.read_text().replace("history:\n  types: {click: is_click}\n", NEW_HISTORY)
        declaration.write_text(told.replace("keys: [[item_id]]", "keys: [[item_id], [user_id, scenario_id]]"))
        fourth, fifth = shift(DAY, 1), shift(DAY, 2)
        run(fourth, SECOND, DAY)
        shutil.rmtree(world.log(DAY).parent)
        shutil.rmtree(world.workspace.uri("examples", f"day={DAY}"))
        run(fifth, settings=("window.missing=skip",))
    yield "stale_values", wrong
    yield "stale_values_compared", values


FIGURES = {"stale_values": stale_values, "stale_values_compared": stale_values}
