"""Runs days in processes that kill themselves."""

from __future__ import annotations

import functools
import importlib
import os
import signal
import threading
from typing import Any

from tests import forks

LIMIT_S = 600


def run(root: str, config: str, day: str, **kill: Any) -> int:
    """Exit code of a run of `day`, negative for a signal.

    Args:
      root: of the workspace.
      kill: `component`, `function` (`module:name`), `call` and `moment`, if it is to be killed: SIGKILL comes just
        `before` or just `after` that call of the function within that component.
    """
    process = forks.CONTEXT.Process(target=_obey, args=({"root": root, "config": config, "day": day, **kill},))
    process.start()
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def _obey(order: dict[str, Any]) -> None:
    os.dup2(2, 1)
    signal.alarm(LIMIT_S)
    from scenerank.pipeline.config import load_config
    from scenerank.pipeline.daily.run import run_day

    running = ""

    def progress(day: str, name: str, state: str) -> None:
        nonlocal running
        running = name if state == "running" else ""

    if "component" in order:
        _arm(order, lambda: running == order["component"])
    run_day(load_config(order["config"]), order["root"], order["day"], progress)


def _arm(order: dict[str, Any], armed: Any) -> None:
    module, _, path = order["function"].partition(":")
    owner: Any = importlib.import_module(module)
    *parents, name = path.split(".")
    for parent in parents:
        owner = getattr(owner, parent)
    kept = owner.__dict__[name]
    function = getattr(kept, "__func__", kept)
    calls, lock = 0, threading.Lock()

    @functools.wraps(function)
    def deadly(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        with lock:
            calls += armed()
            due = armed() and calls == order["call"]
        if due and order["moment"] == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = function(*args, **kwargs)
        if due:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, type(kept)(deadly) if isinstance(kept, (staticmethod, classmethod)) else deadly)
