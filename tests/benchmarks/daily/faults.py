"""Faults tried on the whole pipeline, and those that it survived: bad input, kills, interrupts."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from tests.benchmarks._command import cases

MODULES = ("tests/pipeline/test_faults.py", "tests/pipeline/test_kills.py")


def faults() -> Iterator[tuple[str, int]]:
    """One fault is one case of the modules; a case that was skipped was not tried.

    Raises:
      RuntimeError: the cases could not be run.
    """
    tried = [case for case in cases(*MODULES) if case.find("skipped") is None]
    harmed = {case.get("name"): case.find("failure") for case in tried if case.find("failure") is not None}
    harmed |= {case.get("name"): case.find("error") for case in tried if case.find("error") is not None}
    for name, why in harmed.items():
        print(f"  not survived: {name}: {why.get('message', '')[:300]}", file=sys.stderr)
    yield "faults_survived", len(tried) - len(harmed)
    yield "faults_tried", len(tried)


FIGURES = {"faults_survived": faults, "faults_tried": faults}
