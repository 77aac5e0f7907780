"""What happens between batches and epochs: progress, early stopping; both survive a kill."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from typing import Any

import models  # noqa: F401  (legacy Keras has to be chosen before TensorFlow is imported)

import tensorflow as tf  # isort: skip
import tf_keras as keras

from components.trainer.files import replace_file
from components.trainer.weights import read_arrays, write_arrays
from models.base import assign_weights, weight_values

PROGRESS: Callable[[dict[str, Any]], None] | None = None
"""Called with every progress event, in the process that trains: a terminal's bar hooks in here."""

EVERY_SECONDS = 0.5


class ProgressLog:
    """Progress events: one JSON object a line, and `PROGRESS`.

    An event has `phase` (`reading`, `building`, `training`, `refitting`, `exporting`), while training also
    `epoch`, `epochs`, `step`, `steps` and the metrics so far; in the file also `seconds` since the start.

    Args:
      path: of the file, which is appended to; None: nobody is told of anything, as one process of several tells.
    """

    def __init__(self, path: str | None):
        self._path = path
        self._started = time.monotonic()
        self.seconds: dict[str, float] = {}
        self._phase, self._since = "", self._started
        if path is not None:
            tf.io.gfile.makedirs(path.rsplit("/", 1)[0])

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
        if PROGRESS is not None:
            PROGRESS(event)
        if keep:
            seconds = round(time.monotonic() - self._started, 3)
            with tf.io.gfile.GFile(self._path, "a") as stream:
                stream.write(json.dumps({"seconds": seconds, **event}) + "\n")


class Progress(keras.callbacks.Callback):
    """Reports to a `ProgressLog`: a batch every half second to whoever watches, and each epoch to the file too."""

    def __init__(self, log: ProgressLog, epochs: int, steps: int):
        super().__init__()
        self._supports_tf_logs = True  # else Keras fetches the metrics after every batch
        self._log, self._epochs, self._steps = log, epochs, steps
        self._epoch, self._shown = 0, 0.0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        now = time.monotonic()
        if now - self._shown >= EVERY_SECONDS:
            self._shown = now
            self._log.event({**self._where(batch + 1), **_plain(logs)}, keep=False)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._log.event({**self._where(self._steps), **_plain(logs)}, keep=True)

    def _where(self, step: int) -> dict[str, int]:
        return {"epoch": self._epoch + 1, "epochs": self._epochs, "step": step, "steps": self._steps}


class Curve(keras.callbacks.Callback):
    """Metrics of the epochs, in `folder`, so that a training that is resumed knows those before.

    Args:
      folder: of its files, for this training alone.
      first_epoch: the epoch that a resumed training begins with; what was noted of later ones is forgotten.
      writes: whether this process, of several that train in step and share the folder, writes to it.

    Raises:
      FloatingPointError: from training, when the loss is not finite.
    """

    def __init__(self, folder: str, first_epoch: int = 0, writes: bool = True):
        super().__init__()
        self._folder, self._writes = folder, writes
        tf.io.gfile.makedirs(folder)
        self._curve = f"{folder}/curve.json"
        self.epochs: list[dict[str, float]] = []
        if first_epoch and tf.io.gfile.exists(self._curve):
            with tf.io.gfile.GFile(self._curve) as stream:
                self.epochs = json.loads(stream.read())[:first_epoch]

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        entry = _plain(logs)
        for name, value in entry.items():
            if not math.isfinite(value):
                raise FloatingPointError(
                    f"{name} is {value} after epoch {epoch + 1}: lower model_settings.optimizer.learning_rate "
                    "or set its clip_norm"
                )
        self.note(entry)

    def note(self, entry: dict[str, float]) -> None:
        """Adds an epoch."""
        self.epochs.append(entry)
        if self._writes:
            replace_file(self._curve, json.dumps(self.epochs))


class DayCurve(Curve):
    """A curve whose epochs are days: how the model met each, and how it learned from it."""

    def before(self, logs: dict[str, float]) -> None:
        """Notes metrics of the coming day, not learned from yet."""
        self.note({f"val_{name}": float(value) for name, value in logs.items()})

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        super().on_epoch_end(epoch, {**(logs or {}), **self.epochs.pop()})


class Stopping(Curve):
    """Keeps the weights of the epoch with the best validation AUC, and stops when it no longer rises.

    Everything it knows lies in `folder`: the curve so far, and the best epoch's weights. A training that is
    resumed goes on as if it had not been interrupted.

    Args:
      folder, first_epoch, writes: see `Curve`.
      patience, min_delta: see `TrainerSettings`.
    """

    def __init__(self, folder: str, patience: int, min_delta: float, first_epoch: int = 0, writes: bool = True):
        super().__init__(folder, first_epoch, writes)
        self._patience, self._min_delta = patience, min_delta

    @property
    def best(self) -> int | None:
        """The best epoch, from 0; None without a validation day."""
        return self._best(self.epochs)

    def _best(self, epochs: list[dict[str, float]]) -> int | None:
        best = None
        for epoch, logs in enumerate(epochs):
            if "val_auc" in logs and (best is None or logs["val_auc"] > epochs[best]["val_auc"] + self._min_delta):
                best = epoch
        return best

    @property
    def stopped(self) -> bool:
        return self.best is not None and len(self.epochs) - 1 - self.best >= self._patience

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        super().on_epoch_end(epoch, logs)
        self.model.stop_training = self.stopped

    def note(self, entry: dict[str, float]) -> None:
        epoch = len(self.epochs)
        best = self._best([*self.epochs, entry]) == epoch
        # replicas' moving averages are averaged when read, which all of them take part in
        values = weight_values(self.model) if best else None
        if values is not None and self._writes:
            write_arrays(self._weights(epoch), values)
        super().note(entry)
        # the epoch before stays resumable until the next checkpoint: so does its best
        kept = (self.best, self._best(self.epochs[:epoch]))
        for earlier in range(epoch if self._writes else 0):
            if earlier not in kept and tf.io.gfile.exists(self._weights(earlier)):
                tf.io.gfile.remove(self._weights(earlier))

    def restore(self, model: keras.Model) -> None:
        """Gives the model the best epoch's weights, if there is one."""
        if self.best is not None:
            assign_weights(model, read_arrays(self._weights(self.best)))

    def _weights(self, epoch: int) -> str:
        return f"{self._folder}/best-{epoch}.npz"


def _plain(logs: dict[str, Any] | None) -> dict[str, float]:
    return {name: float(value) for name, value in (logs or {}).items()}
