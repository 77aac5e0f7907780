"""What the repository claims of its own order, from the code itself."""

from __future__ import annotations

import re
import subprocess
import sys
import xml.etree.ElementTree as tree
from collections.abc import Iterator

from tests import house

SIDE_EFFECT = re.compile(r"^\s*import scenerank[\w.]*  # noqa", re.M)
"""A line that imports one of our packages for nothing but what that does."""


def untyped() -> list[str]:
    """Floors in which the type checker finds fault."""
    told = subprocess.run([sys.executable, "-m", "mypy"], cwd=house.ROOT, capture_output=True, text=True).stdout
    return [floor for floor in house.FLOORS if f"scenerank/{floor}/" in told]


def side_effects() -> int:
    """Lines like `SIDE_EFFECT` in all of the code and the tests."""
    paths = [path for top in (*house.FLOORS, "tests") for path in (house.ROOT / top).rglob("*.py")]
    return sum(len(SIDE_EFFECT.findall(path.read_text())) for path in paths)


def seconds(figure: str, group: str) -> tuple[str, float | str]:
    """Of the last run of a group of tests, as it recorded them."""
    newest = sorted((house.ROOT / "build").glob(f"{group}-*.xml"), key=lambda path: path.stat().st_mtime)
    if not newest:
        return figure, "not run here"
    (suite,) = tree.parse(newest[-1]).getroot().iter("testsuite")
    return figure, float(suite.attrib["time"])


def measured() -> Iterator[tuple[str, float | int | str]]:
    """All of it."""
    lines, where = house.longest()
    yield "house_modules", len(house.trees())
    yield "house_circles", len(house.circles())
    yield "house_upward_imports", len(house.upward())
    yield "house_longest_file", f"{lines} ({where})"
    yield "house_untyped_packages", len(untyped())
    yield "house_keras_imports", side_effects()
    yield "house_public_without_docstring", len(house.undocumented())
    yield "house_readme_lines", len((house.ROOT / "README.md").read_text().splitlines())
    yield seconds("fast_seconds", "fast")
    yield seconds("test_seconds", "tests")


FIGURES = {"house": measured}
