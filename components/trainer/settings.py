"""Settings of the Trainer."""

from __future__ import annotations

from typing import Any, Literal

import pydantic

from scenerank.schemas.bias import DebiasSettings
from scenerank.schemas.columns import Strict


class TrainingCluster(Strict):
    """Processes that train together.

    Attributes:
      workers: processes that learn, each from its own files; with `multi_worker` the chief is one of them.
      servers: processes that hold the parameters, with `parameter_server`.
      min_shard_mb: an embedding table is spread over the servers in parts of at least this size.
      server_memory_mb: what a server may take at its peak, weights with the optimizer's state; a model that needs more
        is refused before anything is allocated. none: not looked at.
      restarts: how often processes that died are started again before training fails.
    """

    workers: int = pydantic.Field(2, ge=1)
    servers: int = pydantic.Field(1, ge=1)
    min_shard_mb: float = pydantic.Field(64, ge=0)
    server_memory_mb: int | None = pydantic.Field(None, ge=1)
    restarts: int = pydantic.Field(3, ge=0)


class IncrementalSettings(Strict):
    """Steps of an incremental training; the optimizer's moments and its count of steps go on from before.

    Attributes:
      rate: step size, as a share of the optimizer's `learning_rate` and `table_learning_rate`; the same in all steps,
        as the decay of the full training has ended and there is always another day.
    """

    rate: float = pydantic.Field(0.5, gt=0)


class TrainerSettings(Strict):
    """How a model is trained. Optimizer and architecture are settings of the model.

    Attributes:
      mode: `full`: from initial weights, on the whole window; `incremental`: from the weights and the optimizer's state
        of the model in service, on the days that it has not learned from yet, in time order, every row once. Where that
        cannot be, the training is a full one and says why: nothing in service, or kept without the optimizer's state;
        another declaration, model or settings of it; a day missed that the window does not reach back to.
      full_every: with `incremental`, days after which a full training comes again.
      incremental: see `IncrementalSettings`.
      model: name in `models.registry.MODELS`.
      model_settings: fields of that model's settings.
      debias: what only training knows of an impression, and does with it, whatever the model: see `DebiasSettings`.
      batch_size, eval_batch_size: rows; of all replicas together, but with `parameter_server` of each worker.
      epochs: at most, when a validation day stops the training.
      epochs_without_validation: exactly, when there is none.
      max_steps_per_epoch: an epoch of a full training ends after so many batches, and the next goes on with other rows.
      patience: epochs without a better validation AUC after which training stops; the best epoch's weights
        are kept.
      min_delta: by how much AUC has to be better.
      refit_validation: after that, learn from the validation day too, one pass: it is the newest there is.
      warm_start: a full training starts from the served model's weights, and so learns again from what that one has
        learned from.
      new_rows: what a value seen for the first time starts from: `initial` values, or the table's row for
        `unknown` ones (for models that train it, as with `scenario_dropout` or `id_dropout`).
      memory_mb: transformed rows are kept in memory up to this; more are read from disk in every epoch.
      shuffle_buffer: rows among which is shuffled when reading from disk.
      checkpoint_steps: batches between checkpoints; None: one at the end of each epoch.
      seed: of initial weights, order of rows and dropout.
      deterministic: same data and seed, same weights, bit by bit.
      tensorboard: write logs for it.
      strategy: `one_device`; `mirrored`: all GPUs of this machine; `multi_worker`: several machines in step;
        `parameter_server`: several machines, each in its own time, with the tables spread over servers. The last two
        start their processes on this machine, unless `TF_CONFIG` says that this process is one of a cluster's.
      cluster: see `TrainingCluster`.
    """

    mode: Literal["full", "incremental"] = "full"
    full_every: int = pydantic.Field(7, ge=1)
    incremental: IncrementalSettings = IncrementalSettings()
    model: str = "sar_net"
    model_settings: dict[str, Any] = pydantic.Field(default_factory=dict)
    debias: DebiasSettings = DebiasSettings()
    batch_size: int = pydantic.Field(2048, ge=1)
    eval_batch_size: int = pydantic.Field(8192, ge=1)
    epochs: int = pydantic.Field(10, ge=1)
    epochs_without_validation: int = pydantic.Field(2, ge=1)
    max_steps_per_epoch: int | None = pydantic.Field(None, ge=1)
    patience: int = pydantic.Field(1, ge=1)
    min_delta: float = pydantic.Field(1e-4, ge=0)
    refit_validation: bool = True
    warm_start: bool = False
    new_rows: Literal["initial", "unknown"] = "initial"
    memory_mb: int = pydantic.Field(6000, ge=0)
    shuffle_buffer: int = pydantic.Field(200_000, ge=1)
    checkpoint_steps: int | None = pydantic.Field(None, ge=1)
    seed: int = 0
    deterministic: bool = True
    tensorboard: bool = True
    strategy: Literal["one_device", "mirrored", "multi_worker", "parameter_server"] = "one_device"
    cluster: TrainingCluster = TrainingCluster()

    @pydantic.model_validator(mode="after")
    def _keeps_moments(self) -> TrainerSettings:
        if self.mode == "incremental" and self.strategy == "parameter_server":
            raise ValueError(
                "mode incremental needs the optimizer's state in one place, and parameter_server leaves it on the "
                "servers: choose mode full or another strategy"
            )
        return self
