"""Processes that are spared the imports: forks of one that has made them, and has done nothing with them yet.

TensorFlow and TFX take longer to import than most of what the tests ask of a process. What a process is told
(arguments, environment, folder, where it prints) is as if it had been started anew; only the imports are not its own.
"""

from __future__ import annotations

import multiprocessing
import os
import pathlib
import runpy
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.process import BaseProcess

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    [
        "scenerank.components.evaluator.evaluate",
        "scenerank.components.trainer.run",
        "scenerank.pipeline.daily.graph",
        "scenerank.pipeline.daily.local_runner",
        "scenerank.pipeline.daily.run",
    ]
)


def start(
    module: str,
    arguments: Sequence[str],
    log: pathlib.Path,
    environment: Mapping[str, str] | None = None,
    folder: pathlib.Path | None = None,
) -> BaseProcess:
    """Starts `python -m module arguments` in a session of its own.

    Args:
      log: gets what it prints.
      environment: all of its variables; None: this process'.
      folder: where it works; None: where this process does.
    """
    told = (module, list(arguments), str(log), dict(environment or os.environ), str(folder or pathlib.Path.cwd()))
    process = CONTEXT.Process(target=_run, args=told)
    process.start()
    return process


def _run(module: str, arguments: list[str], log: str, environment: dict[str, str], folder: str) -> None:
    os.setsid()
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(target, 1)
    os.dup2(target, 2)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
