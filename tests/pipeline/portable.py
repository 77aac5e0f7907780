"""Beam's portable runner on this machine: a job server and a pool of workers, each a process of its own."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

ROOT = str(pathlib.Path(__file__).parents[2])
SECONDS = 180
"""How long the two may take to listen: an import of Beam on a busy machine."""


@dataclasses.dataclass(frozen=True)
class Portable:
    """Where to reach them.

    Attributes:
      job_endpoint: `host:port` of the job server.
      worker_pool: `host:port` of the worker pool.
      pool_pid: the process whose children workers are.
      logs: folder with what both wrote, `jobs.log` and `workers.log`.
    """

    job_endpoint: str
    worker_pool: str
    pool_pid: int
    logs: pathlib.Path

    @property
    def settings(self) -> dict[str, str]:
        """Of the configuration group `beam`."""
        return {
            "runner": "portable",
            "job_endpoint": self.job_endpoint,
            "environment": "external",
            "worker_pool": self.worker_pool,
        }

    def workers_started(self) -> int:
        """Processes that the pool was asked for."""
        return (self.logs / "workers.log").read_text().count("Starting worker with command")


@contextlib.contextmanager
def portable(logs: pathlib.Path) -> Iterator[Portable]:
    """Starts both, waits until they listen, and ends them with all that they started.

    Args:
      logs: folder for their logs; made.
    """
    logs.mkdir(parents=True, exist_ok=True)
    jobs, workers = _free_ports(2)
    modules = {
        "jobs": (jobs, ["tests.pipeline.job_server", str(jobs)]),
        "workers": (workers, ["apache_beam.runners.worker.worker_pool_main", f"--service_port={workers}"]),
    }
    processes: list[subprocess.Popen] = []
    try:
        for name, (_, command) in modules.items():
            with (logs / f"{name}.log").open("wb") as log:
                processes.append(
                    subprocess.Popen(
                        [sys.executable, "-m", *command],
                        stdout=log,
                        stderr=log,
                        stdin=subprocess.DEVNULL,
                        env=_environment(),
                        cwd=ROOT,
                        start_new_session=True,
                    )
                )
        for process, (name, (port, _)) in zip(processes, modules.items()):
            _wait(port, process, logs / f"{name}.log")
        yield Portable(f"localhost:{jobs}", f"localhost:{workers}", processes[1].pid, logs)
    finally:
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=30)


def _environment() -> dict[str, str]:
    """A worker pool starts a bare `python`, which must be ours and must find the project."""
    found = dict(os.environ)
    found["PATH"] = os.pathsep.join((os.path.dirname(sys.executable), found.get("PATH", "")))
    found["PYTHONPATH"] = os.pathsep.join(filter(None, (ROOT, found.get("PYTHONPATH"))))
    return {**found, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("localhost", 0))
        return [one.getsockname()[1] for one in sockets]


def _wait(port: int, process: subprocess.Popen, log: pathlib.Path) -> None:
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"it ended with {process.returncode}: {log.read_text()[-500:]}")
        with contextlib.suppress(OSError), socket.create_connection(("localhost", port), timeout=1):
            return
        time.sleep(0.2)
    raise RuntimeError(f"nothing listens on port {port} after {SECONDS} s: {log.read_text()[-500:]}")
