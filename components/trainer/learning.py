"""Training in step: on one device, on the GPUs of a machine, or on several machines that take every step together."""

from __future__ import annotations

import os
from typing import Any

import models  # noqa: F401  (legacy Keras has to be chosen before TensorFlow is imported)

import tensorflow as tf  # isort: skip

from components.errors import DataRefused
from components.trainer.building import build_training, compile_training, start_afresh
from components.trainer.callbacks import ProgressLog
from components.trainer.data import Data
from components.trainer.dataset import Reader, files_of
from components.trainer.feed import Feed, Totals
from components.trainer.fitting import fit, go_on, refit
from components.trainer.job import PROGRESS, TENSORBOARD, Job, Learned
from components.trainer.lineage import INCREMENTAL
from components.trainer.optimizer_state import optimizer_state
from components.trainer.sharing import ALONE, Share
from components.trainer.starting import start
from components.trainer.strategies import in_step
from models.base import weight_values
from models.training import TrainingModel


def learn(job: Job, share: Share = ALONE) -> Learned:
    """Trains on the share's files, in step with whoever has the others.

    Raises:
      DataRefused: no rows, or labels of one kind only.
    """
    start_afresh(job.trainer)
    strategy = in_step(job.trainer)
    log = ProgressLog(os.path.join(job.run, PROGRESS) if share.chief else None)
    log.phase("reading")
    reader = Reader.of(job.declared, job.transform_output)
    return (_days if job.days else _window)(job, share, reader, strategy, log)


def _window(job: Job, share: Share, reader: Reader, strategy: tf.distribute.Strategy, log: ProgressLog) -> Learned:
    """A full training."""
    settings = job.trainer
    feed = Feed(Data.read(reader, job.train_files, job.validation_files, settings, share), settings, strategy)
    check(feed.train, job)
    log.phase("building")
    with strategy.scope():
        training = build_training(settings, reader.features, feed.train.clicks / feed.train.rows)
    started = start(training, job)
    log.phase("training")
    fitted = fit(training, feed, settings, job.folder, _tensorboard(job), log)
    if feed.refit_steps:
        log.phase("refitting")
        refit(training, feed, log)
    return learned(training, feed.train, feed.validation, started, fitted, job, log)


def _days(job: Job, share: Share, reader: Reader, strategy: tf.distribute.Strategy, log: ProgressLog) -> Learned:
    """A training that goes on."""
    settings = job.trainer
    data = Data.of_days(reader, [files_of(day, job.train_files) for day in job.days], settings, share)
    feeds = [feed for feed in (Feed(of, settings, strategy) for of in data) if feed.train.rows]
    train = Totals.of(feeds)
    check(train, job)
    log.phase("building")
    with strategy.scope():
        training = build_training(settings, reader.features, 0.5)
    compile_training(training, sum(feed.steps for feed in feeds), settings.incremental)
    started = start(training, job)
    log.phase("training")
    fitted = go_on(training, feeds, settings, job.folder, _tensorboard(job), log)
    return learned(training, train, None, started, fitted, job, log)


def _tensorboard(job: Job) -> str | None:
    return os.path.join(job.run, TENSORBOARD) if job.trainer.tensorboard else None


def learned(
    training: TrainingModel,
    train: Totals,
    validation: Totals | None,
    started: dict[str, Any] | None,
    fitted: dict[str, Any],
    job: Job,
    log: ProgressLog,
) -> Learned:
    """Sums a training up, which ends the log's last phase."""
    log.phase("")
    history = {
        "rows": {"train": train.rows, "validation": validation.rows if validation else 0},
        "examples": int(training.examples_metric.result()),
        "warm_start": started,
        **fitted,
    }
    kept = optimizer_state(training) if job.trainer.mode == INCREMENTAL else {}
    return Learned(weight_values(training), history, log.seconds, kept)


def check(train: Totals, job: Job) -> None:
    """Raises: DataRefused: no rows to train on, or labels of one kind only."""
    if not train.rows:
        raise DataRefused("the training days of the window hold no rows: widen window.days or ingest them again")
    if not train.mixed:
        raise DataRefused(
            f"column {job.declared.label.name!r} is {1 if train.clicks else 0} in all {train.rows} training rows: "
            "check how the log fills it"
        )
