"""Batches for the replicas of a distribution strategy.

A global batch is the replicas' batches together. Every process reads its own files; whatever their sizes, each
replica gets as many batches in an epoch as any other, and every row is in one of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from scenerank.components.trainer.input.splits import Split, TrainingInput
from scenerank.components.trainer.settings import TrainerSettings
from scenerank.errors import DataError


class SplitTotals(NamedTuple):
    """Rows and clicks of a split in all processes, and the rows of the process that has the fewest."""

    rows: int
    clicks: int
    fewest: int

    @property
    def mixed(self) -> bool:
        """Whether there are clicks and their absence: without either there is nothing to learn, and no AUC."""
        return 0 < self.clicks < self.rows

    @classmethod
    def of(cls, feeds: Iterable[DistributedInput]) -> SplitTotals:
        """Of all that several feeds train on."""
        train = [feed.train for feed in feeds]
        return cls(sum(t.rows for t in train), sum(t.clicks for t in train), min((t.fewest for t in train), default=0))

    def steps(self, batch_size: int, replicas: int) -> int:
        """Batches of an epoch, none of them empty on any of a process's `replicas`."""
        return max(1, min(math.ceil(self.rows / batch_size), self.fewest // replicas))


class DistributedInput:
    """What `fit` reads.

    Attributes:
      train: of the rows to learn from.
      validation: of the rows held out; None without.
      steps, validation_steps: batches of a pass.
      share: this process's place among those that train.

    Args:
      data: this process's rows.
      strategy: None: one device.

    Raises:
      DataError: a process has no rows of a split that others have.
    """

    def __init__(self, data: TrainingInput, settings: TrainerSettings, strategy: tf.distribute.Strategy | None = None):
        self.share, self._data, self._settings = data.share, data, settings
        self._strategy = strategy or tf.distribute.get_strategy()
        self._replicas = self._strategy.num_replicas_in_sync // data.share.count
        counted = self._everywhere([f(split) for split in (data.train, data.validation) for f in (_rows, _clicks)])
        found = []
        for name, (rows, clicks) in zip(("training", "validation"), (counted[:, :2].T, counted[:, 2:].T)):
            if 0 in rows and rows.any():
                raise DataError(
                    f"{np.sum(rows == 0)} of {len(rows)} processes have no {name} rows to read: set ingest.partitions "
                    "to a multiple of trainer.cluster.workers and ingest the days again, or use fewer workers"
                )
            found.append(SplitTotals(int(rows.sum()), int(clicks.sum()), int(rows.min())))
        self.train, held = found
        self.validation = held if held.rows else None
        self.steps = self.train.steps(settings.batch_size, self._replicas)
        self.validation_steps = held.steps(settings.eval_batch_size, self._replicas)

    @property
    def validates(self) -> bool:
        """Whether the validation days can judge."""
        return self.validation is not None and self.validation.mixed

    @property
    def refit_steps(self) -> int:
        """Batches of one pass over the validation days to learn from them; 0 where that is not wanted."""
        if self.validation is None or not self._settings.refit_validation:
            return 0
        return self.validation.steps(self._settings.batch_size, self._replicas)

    def training(self, epoch: int, step: int) -> Any:
        """Endless batches from a place of the training on, see `Store.training`."""
        assert self._data.train is not None
        split, steps, start = self._data.train, self.steps * self._replicas, step * self._replicas
        return self._fed(lambda: split.training(steps, seed=self._settings.seed, epoch=epoch, step=start))

    def evaluation(self) -> Any:
        """The rows held out, once."""
        assert self._data.validation is not None
        split = self._data.validation
        return self._fed(lambda: split.evaluation(self.validation_steps * self._replicas))

    def refitting(self) -> Any:
        """Batches of the rows held out, to learn from."""
        assert self._data.validation is not None
        split = self._data.validation
        return self._fed(lambda: split.training(self.refit_steps * self._replicas, seed=self._settings.seed + 1))

    def barrier(self) -> None:
        """Waits until all processes are here."""
        self._everywhere([0])

    def _fed(self, make: Callable[[], tf.data.Dataset]) -> Any:
        if self._strategy.num_replicas_in_sync == 1:
            return make()
        return self._strategy.distribute_datasets_from_function(lambda context: make())

    def _everywhere(self, numbers: list[int]) -> np.ndarray:
        """The numbers of each process, int64 `[processes, numbers]`."""
        if self.share.count == 1:
            return np.array([numbers])
        values = self._strategy.experimental_distribute_values_from_function(lambda _: tf.constant([numbers], tf.int64))
        return self._strategy.gather(values, 0).numpy()[:: self._replicas]


def _rows(split: Split | None) -> int:
    return split.rows if split else 0


def _clicks(split: Split | None) -> int:
    return split.clicks if split else 0
