"""The training itself: epochs, early stopping, checkpoints."""

from __future__ import annotations

from typing import Any

import tf_keras as keras

import models  # noqa: F401  (legacy Keras has to be chosen before TensorFlow is imported)
from components.trainer.callbacks import Progress, ProgressLog, Stopping
from components.trainer.data import Data
from components.trainer.resume import position
from components.trainer.settings import TrainerSettings
from models.optimizers import build_optimizer
from models.training import TrainingModel


def fit(
    training: TrainingModel,
    data: Data,
    settings: TrainerSettings,
    folder: str,
    tensorboard: str | None,
    log: ProgressLog,
) -> dict[str, Any]:
    """Trains, from where an earlier attempt was cut off if `folder` holds one; ends with the best epoch's weights.

    Args:
      training: with the weights to start from.
      folder: for checkpoints, of this training alone.
      tensorboard: folder for its logs; None for none.

    Returns:
      `epochs`: metrics of each epoch; `best_epoch`: from 0, None if there was no validation; `steps_per_epoch`.
    """
    rows_steps = data.train.steps(settings.batch_size)
    steps = min(rows_steps, settings.max_steps_per_epoch or rows_steps)
    epochs = settings.epochs if data.validates else settings.epochs_without_validation
    total = steps * epochs + (data.validation.steps(settings.batch_size) if _refits(data, settings) else 0)
    training.compile(optimizer=build_optimizer(training.serving.settings.optimizer, total), weighted_metrics=[])
    training.optimizer.build(training.trainable_variables)  # created within the first step they would trace it twice
    backup = f"{folder}/backup"
    epoch, step = position(backup, steps, settings.checkpoint_steps)
    stopping = Stopping(folder, settings.patience, settings.min_delta, first_epoch=epoch)
    goal = epoch if stopping.stopped else epochs
    done = divmod(epoch * steps + step, rows_steps)
    every: Any = settings.checkpoint_steps or "epoch"
    callbacks = [
        Progress(log, epochs, steps),
        stopping,
        keras.callbacks.BackupAndRestore(backup, save_freq=every, delete_checkpoint=False),
    ]
    if tensorboard is not None:
        callbacks.append(keras.callbacks.TensorBoard(tensorboard, write_graph=False, profile_batch=0))
    training.fit(
        data.train.training(settings.batch_size, seed=settings.seed, epoch=done[0], step=done[1]),
        epochs=goal,
        steps_per_epoch=steps,
        validation_data=data.validation.evaluation(settings.eval_batch_size) if data.validates else None,
        callbacks=callbacks,
        verbose=0,
    )
    stopping.restore(training)
    return {"epochs": stopping.epochs, "best_epoch": stopping.best, "steps_per_epoch": steps}


def refit(training: TrainingModel, data: Data, settings: TrainerSettings, log: ProgressLog) -> None:
    """One pass over the validation days, which are the newest that may be learned from."""
    assert data.validation is not None
    steps = data.validation.steps(settings.batch_size)
    batches = data.validation.training(settings.batch_size, seed=settings.seed + 1)
    training._training_state = None  # BackupAndRestore takes the attribute away, and fit wants it
    training.fit(batches, epochs=1, steps_per_epoch=steps, callbacks=[Progress(log, 1, steps)], verbose=0)


def _refits(data: Data, settings: TrainerSettings) -> bool:
    return data.validation is not None and settings.refit_validation
