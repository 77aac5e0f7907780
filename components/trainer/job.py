"""One training, as every process that takes part in it is told; and what comes of it."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import models  # noqa: F401  (legacy Keras has to be chosen before TensorFlow is imported)

import tensorflow as tf  # isort: skip
import numpy as np

from components.trainer.files import replace_file
from components.trainer.settings import TrainerSettings
from components.trainer.weights import read_arrays, write_arrays
from schemas import Declaration

FILE = "job.json"
PROGRESS, TENSORBOARD = "progress.jsonl", "tensorboard"
"""What a training leaves in the run's folder while it goes on."""


@dataclasses.dataclass(frozen=True)
class Job:
    """A training.

    Attributes:
      declaration, settings: JSON of a Declaration and of TrainerSettings.
      train_files, validation_files: gzipped TFRecords of tf.Examples.
      transform_output: folder of Transform's output.
      base: folder of the training weights to start from; None for none.
      days: for a training that goes on from `base` and its optimizer's state: the days to learn from, in time order;
        names of their files begin with them, and there are no validation files. Empty for a full training.
      folder: for checkpoints, of this training alone; all processes see it.
      run: folder for progress and logs.
    """

    declaration: str
    settings: str
    train_files: tuple[str, ...]
    validation_files: tuple[str, ...]
    transform_output: str
    base: str | None
    folder: str
    run: str
    days: tuple[str, ...] = ()

    @property
    def declared(self) -> Declaration:
        return Declaration.model_validate_json(self.declaration)

    @property
    def trainer(self) -> TrainerSettings:
        return TrainerSettings.model_validate_json(self.settings)

    def write(self, uri: str) -> None:
        """Puts the job where other processes look for it, in one step."""
        replace_file(uri, json.dumps(dataclasses.asdict(self)))

    @classmethod
    def read(cls, uri: str) -> Job:
        with tf.io.gfile.GFile(uri) as stream:
            fields = json.loads(stream.read())
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()})


@dataclasses.dataclass(frozen=True)
class Learned:
    """What a training found.

    Attributes:
      arrays: by the names of `models.base.named_weights`, bias nets and all.
      optimizer: see `optimizer_state`; empty unless a training is to go on from here.
      history: `rows` (of each split), `examples` (learned from, over all epochs), `warm_start`, `epochs`, `best_epoch`,
        `steps_per_epoch`; see `fit` and `go_on`.
      seconds: of each phase.
    """

    arrays: dict[str, np.ndarray]
    history: dict[str, Any]
    seconds: dict[str, float]
    optimizer: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)

    def write(self, folder: str) -> None:
        """Leaves it for the process that exports; `learned.json` comes last, and says that all is there."""
        tf.io.gfile.makedirs(folder)
        write_arrays(f"{folder}/weights.npz", self.arrays)
        write_arrays(f"{folder}/optimizer.npz", self.optimizer)
        replace_file(f"{folder}/learned.json", json.dumps({"history": self.history, "seconds": self.seconds}))

    @classmethod
    def read(cls, folder: str) -> Learned:
        with tf.io.gfile.GFile(f"{folder}/learned.json") as stream:
            told = json.loads(stream.read())
        arrays, optimizer = (read_arrays(f"{folder}/{name}.npz") for name in ("weights", "optimizer"))
        return cls(arrays, told["history"], told["seconds"], optimizer)
