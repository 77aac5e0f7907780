"""Runs the command line as a person would, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree

SCENERANK = os.path.join(os.path.dirname(sys.executable), "scenerank")


def scenerank(*args: str, allowed: tuple[int, ...] = (0,)) -> float:
    """Runs a command and returns its seconds.

    Raises:
      RuntimeError: it ended with another code than those allowed.
    """
    started = time.monotonic()
    done = subprocess.run([SCENERANK, *args], capture_output=True, text=True)
    if done.returncode not in allowed:
        raise RuntimeError(
            f"scenerank {' '.join(args)} ended with {done.returncode}: {done.stdout[-600:]}{done.stderr[-600:]}"
        )
    return time.monotonic() - started


def cases(*arguments: str) -> list[xml.etree.ElementTree.Element]:
    """Runs pytest; its cases, each with the elements `failure`, `error` or `skipped` if it has not passed.

    Raises:
      RuntimeError: they could not be run.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "cases.xml")
        command = [sys.executable, "-m", "pytest", "-q", f"--junit-xml={path}", *arguments]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode not in (0, 1):  # 1: some failed
            raise RuntimeError(f"pytest ended with {done.returncode}: {' '.join(done.stdout.split())[-300:]}")
        return list(xml.etree.ElementTree.parse(path).iter("testcase"))
