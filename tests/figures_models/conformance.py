"""Models that pass every test that is run over the registry."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree
from collections.abc import Iterator

from tests.figures_models._bench import NAMES

MODULES = ("tests/models/test_conformance.py", "tests/models/test_conformance_training.py")


def conformance() -> Iterator[tuple[str, int]]:
    """A model has passed if none of its cases failed or was skipped.

    Raises:
      RuntimeError: the cases could not be run.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "cases.xml")
        command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile", f"--junit-xml={path}"]
        done = subprocess.run([*command, *MODULES], capture_output=True, text=True)
        if done.returncode not in (0, 1):  # 1: some failed
            raise RuntimeError(f"pytest ended with {done.returncode}: {' '.join(done.stdout.split())[-300:]}")
        cases = list(xml.etree.ElementTree.parse(path).iter("testcase"))
    bad = [case.get("name", "") for case in cases if len(case)]
    for name in bad:
        print(f"  not passed: {name}", file=sys.stderr)
    passed = [m for m in NAMES if not any(m in name.partition("[")[2].rstrip("]").split("-") for name in bad)]
    yield "conformance_models", len(NAMES)
    yield "conformance_passed", len(passed)


FIGURES = {"conformance_models": conformance, "conformance_passed": conformance}
