"""The training itself: epochs, early stopping, checkpoints."""

from __future__ import annotations

from typing import Any

import tf_keras as keras

import models  # noqa: F401  (legacy Keras has to be chosen before TensorFlow is imported)
from components.trainer.building import compile_training
from components.trainer.callbacks import Progress, ProgressLog, Stopping
from components.trainer.feed import Feed
from components.trainer.resume import position
from components.trainer.settings import TrainerSettings
from models.training import TrainingModel


def fit(
    training: TrainingModel,
    feed: Feed,
    settings: TrainerSettings,
    folder: str,
    tensorboard: str | None,
    log: ProgressLog,
) -> dict[str, Any]:
    """Trains, from where an earlier attempt was cut off if `folder` holds one; ends with the best epoch's weights.

    Where several processes train in step, each of them calls this.

    Args:
      training: with the weights to start from.
      folder: for checkpoints, of this training alone.
      tensorboard: folder for its logs; None for none.

    Returns:
      `epochs`: metrics of each epoch; `best_epoch`: from 0, None if there was no validation; `steps_per_epoch`.
    """
    steps = min(feed.steps, settings.max_steps_per_epoch or feed.steps)
    epochs = settings.epochs if feed.validates else settings.epochs_without_validation
    compile_training(training, steps * epochs + feed.refit_steps)
    backup = f"{folder}/backup"
    epoch, step = position(backup, steps, settings.checkpoint_steps)
    stopping = Stopping(folder, settings.patience, settings.min_delta, first_epoch=epoch, writes=feed.share.chief)
    goal = epoch if stopping.stopped else epochs
    done = divmod(epoch * steps + step, feed.steps)
    every: Any = settings.checkpoint_steps or "epoch"
    callbacks = [
        Progress(log, epochs, steps),
        stopping,
        keras.callbacks.BackupAndRestore(backup, save_freq=every, delete_checkpoint=False),
    ]
    if tensorboard is not None and feed.share.chief:
        callbacks.append(keras.callbacks.TensorBoard(tensorboard, write_graph=False, profile_batch=0))
    training.fit(
        feed.training(*done),
        epochs=goal,
        steps_per_epoch=steps,
        validation_data=feed.evaluation() if feed.validates else None,
        validation_steps=feed.validation_steps if feed.validates else None,
        callbacks=callbacks,
        verbose=0,
    )
    feed.meet()  # the chief has written the best weights
    stopping.restore(training)
    return {"epochs": stopping.epochs, "best_epoch": stopping.best, "steps_per_epoch": steps}


def refit(training: TrainingModel, feed: Feed, log: ProgressLog) -> None:
    """One pass over the validation days, which are the newest that may be learned from."""
    steps = feed.refit_steps
    training._training_state = None  # BackupAndRestore takes the attribute away, and fit wants it
    training.fit(feed.refitting(), epochs=1, steps_per_epoch=steps, callbacks=[Progress(log, 1, steps)], verbose=0)
