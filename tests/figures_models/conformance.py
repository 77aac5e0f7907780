"""Models that pass every test that is run over the registry."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from tests.figures._command import cases
from tests.figures_models._bench import NAMES

MODULES = ("tests/models/test_conformance.py", "tests/models/test_conformance_training.py")


def conformance() -> Iterator[tuple[str, int]]:
    """A model has passed if none of its cases failed or was skipped.

    Raises:
      RuntimeError: the cases could not be run.
    """
    bad = [case.get("name", "") for case in cases("-n", "2", "--dist", "loadfile", *MODULES) if len(case)]
    for name in bad:
        print(f"  not passed: {name}", file=sys.stderr)
    passed = [m for m in NAMES if not any(m in name.partition("[")[2].rstrip("]").split("-") for name in bad)]
    yield "conformance_models", len(NAMES)
    yield "conformance_passed", len(passed)


FIGURES = {"conformance_models": conformance, "conformance_passed": conformance}
