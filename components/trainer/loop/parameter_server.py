"""Training over parameter servers: workers learn from chunks of rows, each in its own time; servers hold the weights.

Every chunk is handed to one worker in an epoch. A worker that dies gives its chunk back, which is then learned from
again: at most `CHUNK_ROWS` rows a death are seen twice, none is lost. If a server dies, all start over from the last
checkpoint. See Li et al., Scaling Distributed Machine Learning with the Parameter Server, OSDI 2014.
"""

from __future__ import annotations

import itertools
import math
import os
import time
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
import tf_keras as keras

from scenerank.components.trainer.checkpoint.starting import start
from scenerank.components.trainer.input.chunks import Chunk, read_chunk, totals, wait_for_chunks
from scenerank.components.trainer.job import PROGRESS, Job
from scenerank.components.trainer.loop.building import build_training, compile_training
from scenerank.components.trainer.loop.early_stopping import EarlyStopping
from scenerank.components.trainer.loop.progress import ProgressLog
from scenerank.components.trainer.loop.strategies import parameter_server
from scenerank.components.trainer.loop.synchronous import check, learned
from scenerank.components.trainer.result import TrainingResult
from scenerank.components.trainer.settings import TrainerSettings
from scenerank.components.transform.preprocessing import resolved_features
from scenerank.models.registry import settings_class
from scenerank.models.training import TrainingModel

LOOK_SECONDS = 0.5


class Workers:
    """The workers of a cluster, as functions that learn from, or measure on, chunks.

    Args:
      training: made in the strategy's scope, compiled.
    """

    def __init__(self, strategy: tf.distribute.ParameterServerStrategy, training: TrainingModel, batch_size: int):
        self._coordinator = tf.distribute.coordinator.ClusterCoordinator(strategy)
        features = training.serving.features

        def step(path: tf.Tensor, seed: tf.Tensor) -> None:
            chunk = read_chunk(path, features)
            order = tf.random.experimental.stateless_shuffle(chunk.row_numbers, seed=seed)
            rows = tf.size(order, tf.int64)
            steps = (rows + batch_size - 1) // batch_size
            for number in tf.range(steps):
                batch = chunk.batch(order[number * rows // steps : (number + 1) * rows // steps])
                strategy.run(training.train_step, (batch,))

        def measure(path: tf.Tensor) -> None:
            chunk = read_chunk(path, features)
            strategy.run(training.test_step, (chunk.batch(chunk.row_numbers),))

        self._step, self._measure = tf.function(step), tf.function(measure)

    def learn(self, chunks: Iterable[Chunk], seed: int) -> None:
        """Hands chunks out; returns at once."""
        for number, chunk in enumerate(chunks):
            seeds = tf.constant([seed, number], tf.int64)
            self._coordinator.schedule(self._step, (tf.constant(chunk.path), seeds))

    def measure(self, chunks: Iterable[Chunk]) -> None:
        """The same, to measure on them."""
        for chunk in chunks:
            self._coordinator.schedule(self._measure, (tf.constant(chunk.path),))

    def join(self, look: Any = lambda: None) -> None:
        """Waits until all that was handed out is done; `look` is called meanwhile.

        Raises:
          Exception: what a worker raised; a server has died.
        """
        while not self._coordinator.done():
            look()
            time.sleep(LOOK_SECONDS)
        self._coordinator.join()


def learn_asynchronously(job: Job, workers: int) -> TrainingResult:
    """The chief's part.

    Raises:
      DataError: no rows, or labels of one kind only.
    """
    settings = job.trainer
    keras.utils.set_random_seed(settings.seed)
    log = ProgressLog(os.path.join(job.run, PROGRESS))
    log.phase("reading")
    chunks = wait_for_chunks(job, workers)
    train, held = totals(chunks.train), totals(chunks.validation)
    check(train, job)
    log.phase("building")
    features = resolved_features(job.declared, tft.TFTransformOutput(job.transform_output))
    embedding = settings_class(settings.model).model_validate(settings.model_settings).embedding
    strategy = parameter_server(settings, features, embedding)
    epochs = settings.epochs if held.mixed else settings.epochs_without_validation
    refits = settings.refit_validation and held.rows > 0
    steps = _steps(chunks.train, settings)
    total = steps * epochs + (_steps(chunks.validation, settings) if refits else 0)
    with strategy.scope():
        training = build_training(settings, features, train.clicks / train.rows)
    compile_training(training, total)
    started = start(training, job)
    hands = Workers(strategy, training, settings.batch_size)
    log.phase("training")
    fitted = _fit(training, hands, chunks.train, chunks.validation if held.mixed else (), epochs, job, log)
    if refits:
        log.phase("refitting")
        _forget(training)
        hands.learn(_shuffled(chunks.validation, [settings.seed + 1, 0]), settings.seed + 1)
        hands.join()
    fitted["steps_per_epoch"] = steps
    return learned(training, train, held if held.rows else None, started, fitted, job, log)


def _fit(
    training: TrainingModel,
    workers: Workers,
    train: Sequence[Chunk],
    validation: Sequence[Chunk],
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
    stopping = EarlyStopping(job.folder, settings.patience, settings.min_delta, first_epoch=int(epoch))
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


def _steps(chunks: Sequence[Chunk], settings: TrainerSettings) -> int:
    return sum(math.ceil(chunk.rows / settings.batch_size) for chunk in chunks)


def _shuffled(chunks: Sequence[Chunk], seed: list[int]) -> list[Chunk]:
    return [chunks[i] for i in np.random.default_rng(seed).permutation(len(chunks))]


def _rounds(chunks: Sequence[Chunk], settings: TrainerSettings) -> Iterable[list[Chunk]]:
    """Chunks between two checkpoints."""
    if settings.checkpoint_steps is None:
        return [list(chunks)]
    rows = settings.checkpoint_steps * settings.batch_size
    ends = np.cumsum([chunk.rows for chunk in chunks]) - 1
    return [
        [chunk for _, chunk in part] for _, part in itertools.groupby(zip(ends // rows, chunks), key=lambda e: e[0])
    ]


def _measured(training: TrainingModel) -> dict[str, float]:
    return {metric.name: float(metric.result()) for metric in (training.loss_metric, training.auc_metric)}


def _forget(training: TrainingModel) -> None:
    for metric in training.metrics:
        metric.reset_state()
