"""What a person sees: progress and one-sentence errors; everything else goes to a log file."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner


@contextlib.contextmanager
def quiet(log: str | None) -> Iterator[Console]:
    """Sends the noise of the process, its C++ libraries included, to a file.

    Args:
      log: the file; None leaves everything on the terminal.

    Yields:
      A console on what was standard output; what logs hold is text to it, never markup.
    """
    if log is None:
        yield Console(markup=False)
        return
    os.makedirs(os.path.dirname(log), exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    sink = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    terminal = os.fdopen(os.dup(kept[0]), "w", buffering=1)
    try:
        os.dup2(sink, 1)
        os.dup2(sink, 2)
        yield Console(file=terminal, markup=False, width=None if terminal.isatty() else 110)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(kept[0], 1)
        os.dup2(kept[1], 2)
        terminal.close()
        for descriptor in (*kept, sink):
            os.close(descriptor)


class Progress:
    """One line for each component that ends, and a live line for the one at work."""

    def __init__(self, console: Console):
        self._console = console
        self._live: Live | None = None
        self._started = 0.0
        self._name = ""
        self._day = ""

    def __call__(self, day: str, name: str, state: str) -> None:
        if day != self._day:
            self._console.print(day, style="bold", highlight=False)
            self._day = day
        if state == "running":
            self._name, self._started = name, time.monotonic()
            if self._console.is_terminal:
                # What Python prints goes where the process' own goes, into the log, and not above this line.
                self._live = Live(
                    Spinner("dots", name, style="green"),
                    console=self._console,
                    transient=True,
                    refresh_per_second=12,
                    redirect_stdout=False,
                    redirect_stderr=False,
                )
                self._live.start()
            return
        self.stop()
        self._console.print(f"  {name:<24}{time.monotonic() - self._started:7.1f} s", highlight=False)

    def training(self, event: dict) -> None:
        """How far the Trainer is; `event` has epoch, epochs, step, steps and loss where known."""
        if self._live is not None:
            shown = "  ".join(f"{key} {_short(value)}" for key, value in event.items())
            self._live.update(Spinner("dots", f"{self._name}  {shown}", style="green"))

    def stop(self) -> None:
        """Takes the line with the state away, if it is shown."""
        if self._live is not None:
            self._live.stop()
            self._live = None


def _short(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)
