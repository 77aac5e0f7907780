"""Settings of the Trainer."""

from __future__ import annotations

from typing import Any, Literal

import pydantic

from schemas.columns import Strict


class TrainerSettings(Strict):
    """How a model is trained. Optimizer and architecture are settings of the model.

    Attributes:
      model: name in `models.registry.MODELS`.
      model_settings: fields of that model's settings.
      batch_size, eval_batch_size: rows.
      epochs: at most, when a validation day stops the training.
      epochs_without_validation: exactly, when there is none.
      max_steps_per_epoch: an epoch ends after so many batches, and the next goes on with other rows.
      patience: epochs without a better validation AUC after which training stops; the best epoch's weights
        are kept.
      min_delta: by how much AUC has to be better.
      refit_validation: after that, learn from the validation day too, one pass: it is the newest there is.
      warm_start: start from the served model's weights.
      new_rows: what a value seen for the first time starts from: `initial` values, or the table's row for
        `unknown` ones (for models that train it, as with `scenario_dropout` or `id_dropout`).
      memory_mb: transformed rows are kept in memory up to this; more are read from disk in every epoch.
      shuffle_buffer: rows among which is shuffled when reading from disk.
      checkpoint_steps: batches between checkpoints; None: one at the end of each epoch.
      seed: of initial weights, order of rows and dropout.
      deterministic: same data and seed, same weights, bit by bit.
      tensorboard: write logs for it.
    """

    model: str = "sar_net"
    model_settings: dict[str, Any] = pydantic.Field(default_factory=dict)
    batch_size: int = pydantic.Field(2048, ge=1)
    eval_batch_size: int = pydantic.Field(8192, ge=1)
    epochs: int = pydantic.Field(10, ge=1)
    epochs_without_validation: int = pydantic.Field(2, ge=1)
    max_steps_per_epoch: int | None = pydantic.Field(None, ge=1)
    patience: int = pydantic.Field(1, ge=1)
    min_delta: float = pydantic.Field(1e-4, ge=0)
    refit_validation: bool = True
    warm_start: bool = True
    new_rows: Literal["initial", "unknown"] = "initial"
    memory_mb: int = pydantic.Field(6000, ge=0)
    shuffle_buffer: int = pydantic.Field(200_000, ge=1)
    checkpoint_steps: int | None = pydantic.Field(None, ge=1)
    seed: int = 0
    deterministic: bool = True
    tensorboard: bool = True
