"""The training itself: epochs and early stopping, or one day after the other; checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from scenerank.components.trainer.checkpoint.resume import position
from scenerank.components.trainer.input.distributed import DistributedInput
from scenerank.components.trainer.loop.building import compile_training
from scenerank.components.trainer.loop.early_stopping import DayCurve, EarlyStopping
from scenerank.components.trainer.loop.progress import Progress, ProgressLog
from scenerank.components.trainer.settings import TrainerSettings
from scenerank.models.compat import let_fit_again
from scenerank.models.training import TrainingModel


def fit(
    training: TrainingModel,
    feed: DistributedInput,
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
    stopping = EarlyStopping(folder, settings.patience, settings.min_delta, first_epoch=epoch, writes=feed.share.chief)
    goal = epoch if stopping.stopped else epochs
    done = divmod(epoch * steps + step, feed.steps)
    callbacks = [Progress(log, epochs, steps), stopping, *_kept(backup, settings, feed, tensorboard)]
    training.fit(
        feed.training(*done),
        epochs=goal,
        steps_per_epoch=steps,
        validation_data=feed.evaluation() if feed.validates else None,
        validation_steps=feed.validation_steps if feed.validates else None,
        callbacks=callbacks,
        verbose=0,
    )
    feed.barrier()  # the chief has written the best weights
    stopping.restore(training)
    return {"epochs": stopping.epochs, "best_epoch": stopping.best, "steps_per_epoch": steps}


def go_on(
    training: TrainingModel,
    feeds: Sequence[DistributedInput],
    settings: TrainerSettings,
    folder: str,
    tensorboard: str | None,
    log: ProgressLog,
) -> dict[str, Any]:
    """Learns from one day after the other, every row once, from where an earlier attempt was cut off.

    Before a day is learned from it is scored, as it was when the model in service met it: the honest curve.

    Args:
      training: compiled, with weights and optimizer as they were left.
      feeds: of the days; each holds the same rows to validate on and to train on.
      folder, tensorboard: see `fit`.

    Returns:
      `epochs`: metrics of each day, those beginning with `val_` from before it was learned; `best_epoch`: None;
      `steps_per_epoch`: of the last day.
    """
    backups = [f"{folder}/backup-{number}" for number in range(len(feeds))]
    begun = [number for number, backup in enumerate(backups) if tf.train.latest_checkpoint(f"{backup}/chief")]
    curve = DayCurve(folder, first_epoch=begun[-1] + 1 if begun else 0, writes=feeds[0].share.chief)
    for number in range(begun[-1] if begun else 0, len(feeds)):
        feed, backup = feeds[number], backups[number]
        _, step = position(backup, feed.steps, settings.checkpoint_steps)
        if number not in begun:
            curve.before(_measured(training, feed))
        let_fit_again(training)
        training.fit(
            feed.training(0, step),
            initial_epoch=number,
            epochs=number + 1,
            steps_per_epoch=feed.steps,
            callbacks=[Progress(log, len(feeds), feed.steps), curve, *_kept(backup, settings, feed, tensorboard)],
            verbose=0,
        )
    return {"epochs": curve.epochs, "best_epoch": None, "steps_per_epoch": feeds[-1].steps}


def _measured(training: TrainingModel, feed: DistributedInput) -> dict[str, float]:
    """Metrics of the rows held out; none where they cannot judge."""
    if not feed.validates:
        return {}
    return training.evaluate(feed.evaluation(), steps=feed.validation_steps, verbose=0, return_dict=True)


def _kept(
    backup: str, settings: TrainerSettings, feed: DistributedInput, tensorboard: str | None
) -> list[keras.callbacks.Callback]:
    """What keeps checkpoints and, in one process, logs."""
    every: Any = settings.checkpoint_steps or "epoch"
    callbacks = [keras.callbacks.BackupAndRestore(backup, save_freq=every, delete_checkpoint=False)]
    if tensorboard is not None and feed.share.chief:
        callbacks.append(keras.callbacks.TensorBoard(tensorboard, write_graph=False, profile_batch=0))
    return callbacks


def refit(training: TrainingModel, feed: DistributedInput, log: ProgressLog) -> None:
    """One pass over the validation days, which are the newest that may be learned from."""
    steps = feed.refit_steps
    let_fit_again(training)
    training.fit(feed.refitting(), epochs=1, steps_per_epoch=steps, callbacks=[Progress(log, 1, steps)], verbose=0)
