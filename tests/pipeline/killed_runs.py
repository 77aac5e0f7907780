"""Runs days in processes that kill themselves.

`python -m tests.pipeline.killed_runs` reads orders from its standard input, a JSON object a line.

The heavy imports are made once; each run is a fork made before TensorFlow or Beam has done anything. An order
has `root`, `config`, `day`, and for a kill `component`, `function` (`module:name`), `call` and `moment`: SIGKILL
comes just `before` or just `after` that call of the function within that component. The answer is a line with
the fork's exit code, negative for a signal.
"""

from __future__ import annotations

import functools
import importlib
import json
import os
import signal
import subprocess
import sys
import threading
from typing import Any

LIMIT_S = 600


class Runs:
    """The process that forks, seen from the tests."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, root: str, config: str, day: str, **kill: Any) -> int:
        """Exit code of a run of `day`."""
        assert self._process.stdin is not None and self._process.stdout is not None
        print(json.dumps({"root": root, "config": config, "day": day, **kill}), file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())

    def close(self) -> None:
        self._process.communicate()


def _obey(order: dict[str, Any]) -> None:
    from pipeline.config import load_config
    from pipeline.daily import run_day

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


def main() -> None:
    import components.evaluator.evaluate  # noqa: F401
    import components.trainer.run  # noqa: F401
    import pipeline.daily
    import pipeline.graph
    import pipeline.local_runner  # noqa: F401

    for line in sys.stdin:
        child = os.fork()
        if not child:
            os.dup2(2, 1)
            signal.alarm(LIMIT_S)
            try:
                _obey(json.loads(line))
            except BaseException:
                import traceback

                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
