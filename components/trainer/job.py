"""One training, as every process that takes part in it is told; and what comes of it."""

from __future__ import annotations

import dataclasses
import functools
import json
from typing import Any

from scenerank.components import storage
from scenerank.components.trainer.settings import TrainerSettings
from scenerank.schemas import Declaration

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

    @functools.cached_property
    def declared(self) -> Declaration:
        """The declaration, read."""
        return Declaration.model_validate_json(self.declaration)

    @functools.cached_property
    def trainer(self) -> TrainerSettings:
        """The trainer's settings, read."""
        return TrainerSettings.model_validate_json(self.settings)

    def write(self, uri: str) -> None:
        """Puts the job where other processes look for it, in one step."""
        storage.write(uri, json.dumps(dataclasses.asdict(self)))

    @classmethod
    def read(cls, uri: str) -> Job:
        """Reads what `write` wrote."""
        read = storage.read_json(uri)
        fields: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in read.items()}
        return cls(**fields)
