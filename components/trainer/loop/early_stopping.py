"""Learning curves and early stopping; both survive a kill."""

from __future__ import annotations

import json
import math

import tf_keras as keras

from scenerank.components import storage
from scenerank.components.trainer.checkpoint.weights import read_arrays, write_arrays
from scenerank.components.trainer.loop.progress import plain
from scenerank.errors import TrainingError
from scenerank.models.base import assign_weights, weight_values


class LearningCurve(keras.callbacks.Callback):
    """Metrics of the epochs, in `folder`, so that a training that is resumed knows those before.

    Args:
      folder: of its files, for this training alone.
      first_epoch: the epoch that a resumed training begins with; what was noted of later ones is forgotten.
      writes: whether this process, of several that train in step and share the folder, writes to it.

    Raises:
      TrainingError: from training, when the loss is not finite.
    """

    def __init__(self, folder: str, first_epoch: int = 0, writes: bool = True):
        super().__init__()
        self._folder, self._writes = folder, writes
        self._curve = f"{folder}/curve.json"
        self.epochs: list[dict[str, float]] = []
        if first_epoch and storage.exists(self._curve):
            self.epochs = storage.read_json(self._curve)[:first_epoch]

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        entry = plain(logs)
        for name, value in entry.items():
            if not math.isfinite(value):
                raise TrainingError(
                    f"{name} is {value} after epoch {epoch + 1}: lower model_settings.optimizer.learning_rate "
                    "or set its clip_norm"
                )
        self.note(entry)

    def note(self, entry: dict[str, float]) -> None:
        """Adds an epoch."""
        self.epochs.append(entry)
        if self._writes:
            storage.write(self._curve, json.dumps(self.epochs))


class DayCurve(LearningCurve):
    """A curve whose epochs are days: how the model met each, and how it learned from it."""

    def before(self, logs: dict[str, float]) -> None:
        """Notes metrics of the coming day, not learned from yet."""
        self.note({f"val_{name}": float(value) for name, value in logs.items()})

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        super().on_epoch_end(epoch, {**(logs or {}), **self.epochs.pop()})


class EarlyStopping(LearningCurve):
    """Keeps the weights of the epoch with the best validation AUC, and stops when it no longer rises.

    Everything it knows lies in `folder`: the curve so far, and the best epoch's weights. A training that is
    resumed goes on as if it had not been interrupted.

    Args:
      folder, first_epoch, writes: see `LearningCurve`.
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
        """Whether the best epoch is `patience` epochs ago."""
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
            if earlier not in kept:
                storage.delete(self._weights(earlier))

    def restore(self, model: keras.Model) -> None:
        """Gives the model the best epoch's weights, if there is one."""
        if self.best is not None:
            assign_weights(model, read_arrays(self._weights(self.best)))

    def _weights(self, epoch: int) -> str:
        return f"{self._folder}/best-{epoch}.npz"
