"""Models, and switches of models, that pass every test that is run over all of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from tests.benchmarks._command import cases
from tests.benchmarks.models._bench import NAMES
from tests.models.variants import variants

MODULES = (
    "tests/models/test_conformance.py",
    "tests/models/test_conformance_training.py",
    "tests/models/test_conformance_variants.py",
)


def conformance() -> Iterator[tuple[str, int]]:
    """What is counted has passed if none of its cases failed or was skipped.

    Raises:
      RuntimeError: the cases could not be run.
    """
    switches = variants()
    bad = [case.get("name", "") for case in cases("-n", "2", "--dist", "loadfile", *MODULES) if len(case)]
    for name in bad:
        print(f"  not passed: {name}", file=sys.stderr)
    told = {name.partition("[")[2].removesuffix("]") for name in bad}
    broken = {part for text in told - switches.keys() for part in text.split("-")}
    counted = len(NAMES) + len(switches)
    yield "conformance_models", counted
    yield "conformance_passed", counted - len(broken & set(NAMES)) - len(told & switches.keys())


FIGURES = {"conformance_models": conformance, "conformance_passed": conformance}
