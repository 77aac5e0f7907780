"""Faults tried on the pipeline's components, and those that they survived: bad input, kills, interrupts, changes."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from tests.benchmarks._command import cases

MODULES = (
    *(f"tests/pipeline/test_{name}.py" for name in ("faults", "kills", "interrupts", "changed_days", "resume")),
    *(f"tests/pipeline/test_{name}.py" for name in ("evil_files", "exit_codes")),
    *(f"tests/components/test_{name}.py" for name in ("late_rows", "marker", "origin", "log_example_gen_reading")),
)


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
