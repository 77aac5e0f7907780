"""How far a training is, for a file and for whoever watches."""

from __future__ import annotations

import contextlib
import contextvars
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

from scenerank.components import storage
from scenerank.models.compat import TensorCallback

Watcher = Callable[[dict[str, Any]], None]

EVERY_SECONDS = 0.5
_watcher: contextvars.ContextVar[Watcher | None] = contextvars.ContextVar("watcher", default=None)


@contextlib.contextmanager
def watched_by(watcher: Watcher) -> Iterator[None]:
    """Trainings within this context tell `watcher` of every event: TFX's arguments of a Trainer are texts alone."""
    token = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(token)


def tell_watcher(event: dict[str, Any]) -> None:
    """Passes an event on to whoever watches."""
    watcher = _watcher.get()
    if watcher is not None:
        watcher(event)


class ProgressLog:
    """Progress events: one JSON object a line, and whoever watches.

    An event has `phase` (`reading`, `building`, `training`, `refitting`, `exporting`), while training also
    `epoch`, `epochs`, `step`, `steps` and the metrics so far; in the file also `seconds` since the start.

    Args:
      path: of the file; what an earlier attempt wrote stays. None: nobody is told of anything, as one process of
        several tells.
    """

    def __init__(self, path: str | None):
        self._path = path
        self._started = time.monotonic()
        self.seconds: dict[str, float] = {}
        self._phase, self._since = "", self._started
        self._lines = [] if path is None or not storage.exists(path) else [storage.read_text(path)]

    def phase(self, name: str) -> None:
        """Begins a phase; an empty name ends the last."""
        now = time.monotonic()
        if self._phase:
            self.seconds[self._phase] = round(self.seconds.get(self._phase, 0.0) + now - self._since, 3)
        self._phase, self._since = name, now
        if name:
            self.event({}, keep=True)

    def event(self, event: dict[str, Any], keep: bool) -> None:
        """Shows an event, and keeps it in the file if `keep`."""
        if self._path is None:
            return
        event = {"phase": self._phase, **event}
        tell_watcher(event)
        if keep:
            seconds = round(time.monotonic() - self._started, 3)
            self._lines.append(json.dumps({"seconds": seconds, **event}) + "\n")
            storage.write(self._path, "".join(self._lines))  # a bucket cannot append


class Progress(TensorCallback):
    """Reports to a `ProgressLog`: a batch every half second to whoever watches, and each epoch to the file too."""

    def __init__(self, log: ProgressLog, epochs: int, steps: int):
        super().__init__()
        self._log, self._epochs, self._steps = log, epochs, steps
        self._epoch, self._shown = 0, 0.0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        now = time.monotonic()
        if now - self._shown >= EVERY_SECONDS:
            self._shown = now
            self._log.event({**self._where(batch + 1), **plain(logs)}, keep=False)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._log.event({**self._where(self._steps), **plain(logs)}, keep=True)

    def _where(self, step: int) -> dict[str, int]:
        return {"epoch": self._epoch + 1, "epochs": self._epochs, "step": step, "steps": self._steps}


def plain(logs: dict[str, Any] | None) -> dict[str, float]:
    """Metrics as Keras gives them to callbacks, as floats."""
    return {name: float(value) for name, value in (logs or {}).items()}
