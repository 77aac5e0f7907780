"""Files that do harm if they are trusted, given to every command that reads one."""

from __future__ import annotations

import pathlib
import tempfile
from collections.abc import Iterator


def evil_files() -> Iterator[tuple[str, int]]:
    """How many were tried, and how many were refused in one sentence that names the file, nothing in them run."""
    from tests.pipeline.evil_files import attempt, attempts, refused
    from tests.pipeline.small_world import SECOND, World

    with tempfile.TemporaryDirectory() as folder:
        base = World.create(pathlib.Path(folder, "base"))
        assert base.run("--day", SECOND).code == 0
        kept = [
            refused(*attempt(base.copy(pathlib.Path(folder, str(number))), kind, place, arguments))
            for number, (_, kind, place, arguments) in enumerate(attempts())
        ]
    yield "evil_files_tried", len(kept)
    yield "evil_files_refused", sum(kept)


FIGURES = {"evil_files_tried": evil_files, "evil_files_refused": evil_files}
