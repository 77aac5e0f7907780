"""What comes of a training."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np

from scenerank.components import storage
from scenerank.components.trainer.checkpoint.weights import read_arrays, write_arrays


@dataclasses.dataclass(frozen=True)
class TrainingResult:
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
        write_arrays(f"{folder}/weights.npz", self.arrays)
        write_arrays(f"{folder}/optimizer.npz", self.optimizer)
        storage.write(f"{folder}/learned.json", json.dumps({"history": self.history, "seconds": self.seconds}))

    @classmethod
    def read(cls, folder: str) -> TrainingResult:
        """Reads the result from a folder."""
        document = storage.read_json(f"{folder}/learned.json")
        arrays, optimizer = (read_arrays(f"{folder}/{name}.npz") for name in ("weights", "optimizer"))
        return cls(arrays, document["history"], document["seconds"], optimizer)
