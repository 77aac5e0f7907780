"""uv as the set-up has it, outside of this environment, which has none."""

from __future__ import annotations

import os
import pathlib
import shutil
import sys

ROOT = pathlib.Path(__file__).parents[2]


def outside() -> dict[str, str]:
    """The environment without this Python's programs, in which `python3 -m uv` is found."""
    here = os.path.dirname(sys.executable)
    path = [part for part in os.environ["PATH"].split(os.pathsep) if part != here]
    kept = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    return kept | {"PATH": os.pathsep.join(path), "PYTHONPATH": str(ROOT / "build/uv")}


def uv() -> list[str]:
    """How it is called there."""
    path = outside()["PATH"]
    found = shutil.which("uv", path=path)
    return [found] if found else [str(shutil.which("python3", path=path)), "-m", "uv"]
