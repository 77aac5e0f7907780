"""Faults tried on the whole pipeline, and those that it survived: bad input, kills, interrupts."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree
from collections.abc import Iterator

MODULES = ("tests/pipeline/test_faults.py", "tests/pipeline/test_kills.py")


def faults() -> Iterator[tuple[str, int]]:
    """One fault is one case of the modules; a case that was skipped was not tried.

    Raises:
      RuntimeError: the cases could not be run.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "cases.xml")
        command = [sys.executable, "-m", "pytest", "-q", f"--junit-xml={path}", *MODULES]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode not in (0, 1):  # 1: some failed
            raise RuntimeError(f"pytest ended with {done.returncode}: {' '.join(done.stdout.split())[-300:]}")
        cases = list(xml.etree.ElementTree.parse(path).iter("testcase"))
    tried = [case for case in cases if case.find("skipped") is None]
    survived = [case for case in tried if case.find("failure") is None and case.find("error") is None]
    for case in tried:
        if case not in survived:
            print(f"  not survived: {case.get('name')}", file=sys.stderr)
    yield "faults_survived", len(survived)
    yield "faults_tried", len(tried)


FIGURES = {"faults_survived": faults, "faults_tried": faults}
