"""Starts the processes of a training, and starts them again when they die.

TensorFlow's strategies end when one of their processes does; what trains in step goes on from the last checkpoint when
all are there again, a worker of parameter servers comes back by itself.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

from scenerank.components import storage
from scenerank.components.trainer.cluster.task import LEARNED, REFUSED
from scenerank.components.trainer.job import FILE, PROGRESS, Job
from scenerank.components.trainer.loop.progress import tell_watcher
from scenerank.components.trainer.loop.strategies import PARAMETER_SERVER
from scenerank.components.trainer.result import TrainingResult
from scenerank.components.trainer.settings import TrainerSettings
from scenerank.errors import DataError, ExitCode, TrainingError

TF_CONFIG = "TF_CONFIG"
LOOK_SECONDS = 0.5
Task = tuple[str, int]
"""Kind (`chief`, `worker`, `ps`) and number."""


class Processes:
    """The tasks of a cluster that this process starts.

    Args:
      job: path of the job's file.
      configs: value of `TF_CONFIG` by task.
    """

    def __init__(self, job: str, configs: dict[Task, str]):
        self._job, self._configs = job, configs
        self._running: dict[Task, subprocess.Popen] = {}

    def start(self, task: Task) -> None:
        """Starts the process of a task."""
        command = [sys.executable, "-m", "scenerank.components.trainer.cluster.task", self._job, str(os.getpid())]
        environment = {**os.environ, TF_CONFIG: self._configs[task]}
        self._running[task] = subprocess.Popen(command, env=environment, start_new_session=True)

    def start_all(self) -> None:
        """Starts the processes of all tasks."""
        for task in self._configs:
            self.start(task)

    def ended(self) -> dict[Task, int]:
        """Exit codes of those that ended."""
        codes = {task: process.poll() for task, process in self._running.items()}
        return {task: code for task, code in codes.items() if code is not None}

    def stop_all(self) -> None:
        """Ends all processes and those that they started."""
        for process in self._running.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        for process in self._running.values():
            process.wait()
        self._running.clear()


def launch(job: Job, folder: str) -> TrainingResult:
    """Trains with several processes: those of a cluster where `TF_CONFIG` names this one as a part of it, which then
    wait for the job in `folder` (see `take_part`), else processes of this machine.

    Raises:
      DataError: see `learn`.
      TrainingError: processes died too often.
    """
    path = f"{folder}/{FILE}"
    job.write(path)
    own = os.environ.get(TF_CONFIG)
    try:
        with _processes(path, {_task(own): own} if own else on_this_machine(job.trainer)) as processes:
            _supervise(job, processes)
        return TrainingResult.read(f"{job.folder}/{LEARNED}")
    finally:
        storage.delete(path)


def take_part(folder: str) -> None:
    """Takes part, as `TF_CONFIG` says, in the trainings whose job appears in `folder`, until one has ended."""
    path, own = f"{folder}/{FILE}", os.environ[TF_CONFIG]
    while not storage.exists(path):
        time.sleep(LOOK_SECONDS)
    told = _text(path)
    with _processes(path, {_task(own): own}) as processes:
        while (now := _text(path)) is not None:
            if now != told or processes.ended():  # the chief started over, or this task died
                processes.stop_all()
                processes.start_all()
                told = now
            time.sleep(LOOK_SECONDS)


def on_this_machine(settings: TrainerSettings) -> dict[Task, str]:
    """`TF_CONFIG` of each task of a cluster of this machine's processes."""
    counts = {"worker": settings.cluster.workers}
    if settings.strategy == PARAMETER_SERVER:
        counts = {"chief": 1, **counts, "ps": settings.cluster.servers}
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(sum(counts.values()))]
        for found in sockets:
            found.bind(("localhost", 0))
        ports = iter([found.getsockname()[1] for found in sockets])
    cluster = {kind: [f"localhost:{next(ports)}" for _ in range(count)] for kind, count in counts.items()}
    tasks = [(kind, index) for kind, addresses in cluster.items() for index in range(len(addresses))]
    return {t: json.dumps({"cluster": cluster, "task": {"type": t[0], "index": t[1]}}) for t in tasks}


@contextlib.contextmanager
def _processes(path: str, configs: dict[Task, str]) -> Iterator[Processes]:
    processes = Processes(path, configs)
    processes.start_all()
    try:
        yield processes
    finally:
        processes.stop_all()


def _supervise(job: Job, processes: Processes) -> None:
    """Returns when the chief has ended well, whichever it is."""
    deaths = told = 0
    while not storage.exists(f"{job.folder}/{LEARNED}/learned.json"):
        time.sleep(LOOK_SECONDS)
        told = _tell(os.path.join(job.run, PROGRESS), told)
        died = {task: code for task, code in processes.ended().items() if code}
        if ExitCode.REFUSED in died.values():
            raise DataError(_text(f"{job.folder}/{REFUSED}"))
        if not died:
            continue
        deaths += 1
        names = ", ".join(f"{kind} {index} ({code})" for (kind, index), code in died.items())
        if deaths > job.trainer.cluster.restarts:
            raise TrainingError(f"training processes died {deaths} times, at last {names}: see the log of the run")
        logging.warning("training processes died and are started again: %s", names)
        if job.trainer.strategy == PARAMETER_SERVER and all(kind == "worker" for kind, _ in died):
            for task in died:
                processes.start(task)
        else:  # the others wait for one that is gone
            processes.stop_all()
            processes.start_all()


def _tell(path: str, told: int) -> int:
    """Passes on what the chief's process told of its progress; `told` lines of it were passed on before."""
    lines = (_text(path) or "").splitlines()
    for line in lines[told:]:
        tell_watcher(json.loads(line))
    return len(lines)


def _task(config: str) -> Task:
    task = json.loads(config)["task"]
    return task["type"], task["index"]


def _text(path: str) -> str | None:
    try:
        return storage.read_text(path)
    except FileNotFoundError:
        return None
