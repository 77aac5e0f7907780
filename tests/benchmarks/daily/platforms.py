"""Both platforms side by side: tests that passed, and the quick start's last day."""

from __future__ import annotations

import functools
import pathlib
import resource
import subprocess
import tempfile
import xml.etree.ElementTree as tree
from collections.abc import Iterator

from scenerank.components.records.evaluation import CANDIDATE
from scenerank.components.records.run import run_record
from scenerank.components.workspace import Workspace

ROOT = pathlib.Path(__file__).parents[3]
LAST = "2024-03-04"
BEFORE = {"py310": [], "py313": [str(ROOT / "tests/platforms/debian13")]}
"""What a command is started with on a machine whose glibc is too old for `py313`."""


def passed(platform: str) -> Iterator[tuple[str, str]]:
    """Tests that passed, of all, in the last `make test` on the platform."""
    record = ROOT / f"build/tests-{platform}.xml"
    if not record.exists():
        yield f"platform_tests_{platform}", f"not run here: make test PLATFORM={platform}"
        return
    (suite,) = tree.parse(record).getroot().iter("testsuite")
    told = {name: int(suite.attrib[name]) for name in ("tests", "failures", "errors", "skipped")}
    good = told["tests"] - told["failures"] - told["errors"] - told["skipped"]
    yield f"platform_tests_{platform}", f"{good} of {told['tests']}, {told['skipped']} skipped"


def quickstart() -> Iterator[tuple[str, float | str]]:
    """AUC of the quick start's last day, old minus new without its sign, and the processor time of all of it, new over
    old, one after the other on this machine."""
    environments = {"py310": ROOT / ".venv/.installed-py310", "py313": ROOT / ".venv-debian13/.installed-py313"}
    for platform, installed in environments.items():
        if not installed.exists():
            yield "platform_auc_difference", f"skipped, {platform} is not set up: make install PLATFORM={platform}"
            return
    auc, seconds = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for platform, before in BEFORE.items():
            used = _used()
            command = [*before, ".venv/bin/scenerank", "quickstart", "-w", f"{folder}/{platform}"]
            subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
            seconds[platform] = _used() - used
            auc[platform] = run_record(Workspace(f"{folder}/{platform}"), LAST).metrics.of(CANDIDATE).auc
            yield f"platform_auc_{platform}", auc[platform]
    yield "platform_auc_difference", abs(auc["py310"] - auc["py313"])
    yield "platform_seconds_ratio", seconds["py313"] / seconds["py310"]


def _used() -> float:
    """Processor seconds of all processes that were started from here and have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


FIGURES = {
    "platform_tests_py310": functools.partial(passed, "py310"),
    "platform_tests_py313": functools.partial(passed, "py313"),
    "platform_auc_difference": quickstart,
    "platform_seconds_ratio": quickstart,
}
