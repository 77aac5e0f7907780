"""Training over parameter servers: workers learn from units of rows, each in its own time; servers hold the weights.

Every unit is handed to one worker in an epoch. A worker that dies gives its unit back, which is then learned from
again: at most `UNIT_ROWS` rows a death are seen twice, none is lost. If a server dies, all start over from the last
checkpoint. See Li et al., Scaling Distributed Machine Learning with the Parameter Server, OSDI 2014.
"""

from __future__ import annotations

import itertools
import math
import os
import time
from collections.abc import Iterable, Sequence
from typing import Any

import models  # noqa: F401  (legacy Keras has to be chosen before TensorFlow is imported)

import tensorflow as tf  # isort: skip
import tensorflow_transform as tft  # isort: skip
import numpy as np
import tf_keras as keras

from components.trainer.building import build_training, compile_training
from components.trainer.callbacks import ProgressLog, Stopping
from components.trainer.job import PROGRESS, Job, Learned
from components.trainer.learning import check, learned
from components.trainer.memory import check_servers
from components.trainer.settings import TrainerSettings
from components.trainer.starting import start
from components.trainer.strategies import parameter_server
from components.trainer.units import Unit, read_unit, totals, wait_for_units
from components.transform.preprocessing import resolved_features
from models.registry import settings_class
from models.training import TrainingModel

LOOK_SECONDS = 0.5


class Workers:
    """The workers of a cluster, as functions that learn from, or measure on, units.

    Args:
      training: made in the strategy's scope, compiled.
    """

    def __init__(self, strategy: tf.distribute.ParameterServerStrategy, training: TrainingModel, batch_size: int):
        self._coordinator = tf.distribute.coordinator.ClusterCoordinator(strategy)
        features = training.serving.features

        def step(path: tf.Tensor, seed: tf.Tensor) -> None:
            unit = read_unit(path, features)
            rows = tf.shape(unit.floats, tf.int64)[0]
            order = tf.random.experimental.stateless_shuffle(tf.range(rows), seed=seed)
            steps = (rows + batch_size - 1) // batch_size
            for number in tf.range(steps):
                batch = unit.batch(order[number * rows // steps : (number + 1) * rows // steps])
                strategy.run(training.train_step, (batch,))

        def measure(path: tf.Tensor) -> None:
            unit = read_unit(path, features)
            strategy.run(training.test_step, (unit.batch(tf.range(tf.shape(unit.floats, tf.int64)[0])),))

        self._step, self._measure = tf.function(step), tf.function(measure)

    def learn(self, units: Iterable[Unit], seed: int) -> None:
        """Hands units out; returns at once."""
        for number, unit in enumerate(units):
            seeds = tf.constant([seed, number], tf.int64)
            self._coordinator.schedule(self._step, (tf.constant(unit.path), seeds))

    def measure(self, units: Iterable[Unit]) -> None:
        """The same, to measure on them."""
        for unit in units:
            self._coordinator.schedule(self._measure, (tf.constant(unit.path),))

    def join(self, look: Any = lambda: None) -> None:
        """Waits until all that was handed out is done; `look` is called meanwhile.

        Raises:
          Exception: what a worker raised; a server has died.
        """
        while not self._coordinator.done():
            look()
            time.sleep(LOOK_SECONDS)
        self._coordinator.join()


def learn_asynchronously(job: Job, workers: int) -> Learned:
    """The chief's part.

    Raises:
      DataRefused: no rows, or labels of one kind only.
    """
    settings = job.trainer
    keras.utils.set_random_seed(settings.seed)
    log = ProgressLog(os.path.join(job.run, PROGRESS))
    log.phase("reading")
    units = wait_for_units(job, workers)
    train, held = totals(units.train), totals(units.validation)
    check(train, job)
    log.phase("building")
    features = resolved_features(job.declared, tft.TFTransformOutput(job.transform_output))
    check_servers(settings, features)
    embedding = settings_class(settings.model).model_validate(settings.model_settings).embedding
    strategy = parameter_server(settings, features, embedding)
    epochs = settings.epochs if held.mixed else settings.epochs_without_validation
    refits = settings.refit_validation and held.rows > 0
    steps = _steps(units.train, settings)
    total = steps * epochs + (_steps(units.validation, settings) if refits else 0)
    with strategy.scope():
        training = build_training(settings, features, train.clicks / train.rows)
    compile_training(training, total)
    started = start(training, job)
    hands = Workers(strategy, training, settings.batch_size)
    log.phase("training")
    fitted = _fit(training, hands, units.train, units.validation if held.mixed else (), epochs, job, log)
    if refits:
        log.phase("refitting")
        _forget(training)
        hands.learn(_shuffled(units.validation, [settings.seed + 1, 0]), settings.seed + 1)
        hands.join()
    fitted["steps_per_epoch"] = steps
    return learned(training, train, held if held.rows else None, started, fitted, job, log)


def _fit(
    training: TrainingModel,
    workers: Workers,
    train: Sequence[Unit],
    validation: Sequence[Unit],
    epochs: int,
    job: Job,
    log: ProgressLog,
) -> dict[str, Any]:
    """Epochs with early stopping, from the last checkpoint on."""
    settings = job.trainer
    epoch, done = tf.Variable(0, trainable=False), tf.Variable(0, trainable=False)
    state = tf.train.Checkpoint(model=training, optimizer=training.optimizer, epoch=epoch, done=done)
    checkpoints = tf.train.CheckpointManager(state, f"{job.folder}/asynchronous", max_to_keep=1)
    if checkpoints.latest_checkpoint:
        state.restore(checkpoints.latest_checkpoint)
    stopping = Stopping(job.folder, settings.patience, settings.min_delta, first_epoch=int(epoch))
    stopping.set_model(training)
    while int(epoch) < epochs and not stopping.stopped:
        order = _shuffled(train, [settings.seed, int(epoch)])
        _forget(training)
        for part in _rounds(order[int(done) :], settings):
            workers.learn(part, settings.seed + int(epoch) + 1)
            workers.join(
                lambda: log.event({"epoch": int(epoch) + 1, "epochs": epochs, **_measured(training)}, keep=False)
            )
            done.assign_add(len(part))
            if int(done) < len(order):
                checkpoints.save()
        logs = _measured(training) | {"examples": float(training.examples_metric.result())}
        if validation:
            _forget(training)
            workers.measure(validation)
            workers.join()
            logs |= {f"val_{name}": value for name, value in _measured(training).items()}
        log.event({"epoch": int(epoch) + 1, "epochs": epochs, **logs}, keep=True)
        stopping.on_epoch_end(int(epoch), logs)
        epoch.assign_add(1)
        done.assign(0)
        checkpoints.save()
    stopping.restore(training)
    return {"epochs": stopping.epochs, "best_epoch": stopping.best}


def _steps(units: Sequence[Unit], settings: TrainerSettings) -> int:
    return sum(math.ceil(unit.rows / settings.batch_size) for unit in units)


def _shuffled(units: Sequence[Unit], seed: list[int]) -> list[Unit]:
    return [units[i] for i in np.random.default_rng(seed).permutation(len(units))]


def _rounds(units: Sequence[Unit], settings: TrainerSettings) -> Iterable[list[Unit]]:
    """Units between two checkpoints."""
    if settings.checkpoint_steps is None:
        return [list(units)]
    rows = settings.checkpoint_steps * settings.batch_size
    ends = np.cumsum([unit.rows for unit in units]) - 1
    return [[unit for _, unit in part] for _, part in itertools.groupby(zip(ends // rows, units), key=lambda e: e[0])]


def _measured(training: TrainingModel) -> dict[str, float]:
    return {metric.name: float(metric.result()) for metric in (training.loss_metric, training.auc_metric)}


def _forget(training: TrainingModel) -> None:
    for metric in training.metrics:
        metric.reset_state()
