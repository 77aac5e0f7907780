"""What is imported is depended on by name, and what is depended on by name is imported."""

from __future__ import annotations

import ast
import functools
import importlib.metadata
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).parents[1]
FLOORS = ("schemas", "models", "components", "pipeline", "scenerank")
NAMESPACES = ("google",)
"""Modules that several packages fill."""
WRITTEN = "pipeline/reference/"
"""Writes pages of the documentation, which only developers do."""
NEVER_IMPORTED = {"tensorboard", "tzdata"}
"""A program, and data that Python finds by itself."""


def named(development: bool = False) -> set[str]:
    """Packages of `requirements.in` that the product itself needs; or those that its developers do."""
    parts = (ROOT / "requirements.in").read_text().partition("# [development]")
    return set(re.findall(r"^[\w.-]+", parts[2 if development else 0], re.MULTILINE))


@functools.cache
def imported() -> dict[str, str]:
    """Somebody else's modules, each with a place that imports it."""
    found: dict[str, str] = {}
    for path in (file for floor in FLOORS for file in (ROOT / floor).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            found |= {top(name.split(".")): f"{path.relative_to(ROOT)}:{node.lineno}" for name in names}
    return {name: place for name, place in found.items() if name not in {*sys.stdlib_module_names, "scenerank"}}


def top(parts: list[str]) -> str:
    return ".".join(parts[: 1 + (parts[0] in NAMESPACES)])


@functools.cache
def modules(package: str) -> set[str]:
    """What a package brings; of one that this Python does not get, what its name says.

    By its files: `packages_distributions` knows of Python 3.10's packages only those that list their modules.
    """
    try:
        files = importlib.metadata.files(package) or []
    except importlib.metadata.PackageNotFoundError:
        return {package.replace("-", "_")}
    return {top([part.partition(".")[0] for part in file.parts]) for file in files}


def test_every_import_is_of_a_package_depended_on_by_name():
    known, ours = (set().union(*map(modules, named(development))) for development in (False, True))
    missing = {name: place for name, place in imported().items() if name not in known}
    missing = {name: place for name, place in missing.items() if not (place.startswith(WRITTEN) and name in ours)}
    assert not missing, "name them in requirements.in"


def test_every_package_depended_on_by_name_is_imported():
    unused = {package for package in named() - NEVER_IMPORTED if not modules(package) & imported().keys()}
    assert not unused, "take them out of requirements.in"
