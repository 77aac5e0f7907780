"""Trains as TFX's Trainer does, in a process of its own and under any strategy; can kill a worker in mid-training.

As a script: `python -m tests.components.train_with ARGUMENTS.json`, fields of FnArgs.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import signal
import sys
import time
from multiprocessing.process import BaseProcess
from typing import Any

from tests import forks

TWO_DEVICES = "mirrored"
SECONDS = 900


def train(folder: pathlib.Path, arguments: dict[str, Any], kill: str | None = None) -> dict[str, Any]:
    """Runs `run_fn` and returns `history.json`, with `rows_per_second` from the end of the first epoch on, and
    `peak_mib` (resident memory) by kind and number of the processes that it started.

    Args:
      folder: for the arguments' file and what is printed.
      arguments: fields of FnArgs.
      kill: `worker` or `ps`: the second of them is killed once the first epoch has ended.

    Raises:
      AssertionError: the training failed, or there was nothing to kill.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "arguments.json").write_text(json.dumps(arguments))
    run = pathlib.Path(arguments["model_run_dir"])
    process = forks.start("tests.components.train_with", [str(folder / "arguments.json")], folder / "log.txt")
    try:
        if kill is not None:
            _until(lambda: _epochs(run), process)
            os.kill(_task(process.pid, kill, 1), signal.SIGKILL)
        peaks = _watch(process)
        code = process.exitcode
    finally:
        for pid in [*tasks(process.pid), process.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    assert code == 0, (folder / "log.txt").read_text(errors="replace")[-2000:]
    history = json.loads((run / "weights" / "history.json").read_text())
    history["peak_mib"] = peaks
    ends = _epochs(run)
    if len(ends) > 1:
        rows = history["rows"]["train"] * (len(ends) - 1)
        history["rows_per_second"] = rows / (ends[-1]["seconds"] - ends[0]["seconds"])
    return history


def _epochs(run: pathlib.Path) -> list[dict[str, Any]]:
    """Events of ends of epochs."""
    path = run / "progress.jsonl"
    events = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [event for event in events if event["phase"] == "training" and "auc" in event]


def _until(true: Any, process: BaseProcess) -> None:
    deadline = time.monotonic() + SECONDS
    while not true():
        assert process.is_alive() and time.monotonic() < deadline, "training ended before it could be disturbed"
        time.sleep(0.02)


def _watch(process: BaseProcess) -> dict[tuple[str, int], float]:
    """Waits for the end; the peaks of the tasks' memory."""
    peaks: dict[tuple[str, int], float] = {}
    deadline = time.monotonic() + SECONDS
    while process.is_alive() and time.monotonic() < deadline:
        for pid, task in tasks(process.pid).items():
            with contextlib.suppress(OSError, StopIteration):
                lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
                kilobytes = int(next(line for line in lines if line.startswith("VmHWM")).split()[1])
                peaks[task] = max(peaks.get(task, 0), kilobytes / 1024)
        time.sleep(0.2)
    return peaks


def tasks(parent: int) -> dict[int, tuple[str, int]]:
    """Kind and number of the tasks that a process started, by their process id."""
    found = {}
    for entry in pathlib.Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError, StopIteration):
            if int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1]) == parent:
                variables = (entry / "environ").read_bytes().decode(errors="replace").split("\0")
                told = json.loads(next(v for v in variables if v.startswith("TF_CONFIG=")).partition("=")[2])["task"]
                found[int(entry.name)] = (told["type"], told["index"])
    return found


def _task(parent: int, kind: str, index: int) -> int:
    return next(pid for pid, task in tasks(parent).items() if task == (kind, index))


if __name__ == "__main__":
    import tensorflow as tf  # isort: skip
    from tfx.components.trainer.fn_args_utils import FnArgs

    told = json.loads(pathlib.Path(sys.argv[1]).read_text())
    if json.loads(told["custom_config"]["settings"])["strategy"] == TWO_DEVICES:
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

    from scenerank.components.trainer.run import run_fn

    run_fn(FnArgs(**told))
