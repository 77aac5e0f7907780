"""Ctrl-C and SIGTERM end a command with one sentence, whatever it is doing."""

from __future__ import annotations

import atexit
import os
import signal
import threading
import time
from types import FrameType
from typing import Any

from scenerank.errors import ExitCode

AGAIN_S, PATIENCE_S = 3.0, 8.0
"""A destructor or a library may swallow the exception: it is raised again, and in the end nobody is asked."""
USUAL = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL, signal.SIGALRM: signal.SIG_DFL}
"""What is replaced; a shell's background job, for one, ignores SIGINT."""
SENTENCE = "interrupted; what is published and what is in service is whole"
"""A run may have pushed before; it is not asked."""


def _deaf() -> None:
    """The command has ended, and said how: while Python and its libraries go, a signal would only change the code."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


class Interrupts:
    """Within it, SIGINT and SIGTERM raise `KeyboardInterrupt` in the main thread, again and again until its end.

    Attributes:
      code: exit code of the command that was interrupted.
    """

    def __init__(self) -> None:
        self.code = ExitCode.INTERRUPTED
        self._since: float | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interrupts:
        self._terminal = os.dup(2)  # what prints a day's progress sends the process' own elsewhere
        if threading.current_thread() is threading.main_thread():
            for number, usual in USUAL.items():
                if signal.getsignal(number) is usual:
                    self._before[number] = signal.signal(number, self._interrupt)
        return self

    def __exit__(self, *error: object) -> None:
        if self._since is not None and signal.SIGALRM in self._before:
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self._before:
            atexit.register(_deaf)
        os.close(self._terminal)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if self._since is None:
            self._since = time.monotonic()
            if number == signal.SIGTERM:
                self.code = ExitCode.TERMINATED
            if signal.SIGALRM in self._before:  # else somebody's own alarm is set
                signal.setitimer(signal.ITIMER_REAL, AGAIN_S, AGAIN_S)
        elif time.monotonic() - self._since > PATIENCE_S:
            os.write(self._terminal, f"scenerank: {SENTENCE}\n".encode())
            os._exit(self.code)
        raise KeyboardInterrupt
