"""One real case of each exit code that the documents name."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from scenerank.errors import ExitCode
from tests.pipeline.small_world import DAY

SCENERANK = os.path.join(os.path.dirname(sys.executable), "scenerank")
ROWS = (
    '{"request_id": "r", "scenario_id": "s", "user_id": "u", "item_id": "i", "price": 1, "hour": 3, "age_band": "a"}\n'
)


def scenerank(*args: str) -> int:
    return subprocess.run([SCENERANK, *args], capture_output=True, timeout=300).returncode


def ended_by(number: int, folder: str) -> int:
    """Of a simulation that would take minutes, and is told to end."""
    command = [SCENERANK, "simulate", "-w", f"{folder}/w", "--days", "400", "--impressions-per-day", "200000"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not os.path.isdir(f"{folder}/w") and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(number)
    return process.wait(60)


def no_server(folder: str) -> int:
    path = os.path.join(folder, "rows.jsonl")
    with open(path, "w") as stream:
        stream.write(ROWS)
    return scenerank("score", "-c", os.path.join(folder, "config.yaml"), "--input", path, "--port", "1", "--rest")


CASES = {
    ExitCode.DONE: lambda world, folder: scenerank("show", "-w", f"{folder}/empty"),
    ExitCode.FAILED: lambda world, folder: no_server(str(world.folder)),
    ExitCode.USAGE: lambda world, folder: scenerank("run", "-w", f"{folder}/empty", "-c", "nowhere", "--day", DAY),
    ExitCode.REFUSED: lambda world, folder: scenerank("rollback", "-w", f"{folder}/empty", "--previous"),
    ExitCode.NOT_BLESSED: lambda world, folder: world.run("--day", DAY, "--set", "evaluation.min_auc=1").code,
    ExitCode.INTERRUPTED: lambda world, folder: ended_by(signal.SIGINT, folder),
    ExitCode.TERMINATED: lambda world, folder: ended_by(signal.SIGTERM, folder),
}


@pytest.mark.slow
@pytest.mark.parametrize("code", ExitCode, ids=lambda code: code.name)
def test_a_command_ends_with_it(code, world, tmp_path):
    if code == ExitCode.INTERRUPTED and signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        pytest.skip("this process ignores Ctrl-C, and so do those that it starts")
    assert CASES[code](world, str(tmp_path)) == code
