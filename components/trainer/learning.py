"""Training in step: on one device, on the GPUs of a machine, or on several machines that take every step together."""

from __future__ import annotations

import logging
import os
from typing import Any

import models  # noqa: F401  (legacy Keras has to be chosen before TensorFlow is imported)

import tensorflow_transform as tft  # isort: skip

from components.errors import DataRefused
from components.trainer.building import build_training, start_afresh
from components.trainer.callbacks import ProgressLog
from components.trainer.data import Data
from components.trainer.dataset import Reader
from components.trainer.feed import Feed, Totals
from components.trainer.fitting import fit, refit
from components.trainer.job import PROGRESS, TENSORBOARD, Job, Learned
from components.trainer.sharing import ALONE, Share
from components.trainer.strategies import in_step
from components.trainer.warm_start import warm_start
from components.trainer.weights import Weights, vocabularies
from models.base import assign_weights, table_of, weight_values
from models.training import TrainingModel


def learn(job: Job, share: Share = ALONE) -> Learned:
    """Trains on the share's files, in step with whoever has the others.

    Raises:
      DataRefused: no rows, or labels of one kind only.
    """
    settings = job.trainer
    start_afresh(settings)
    strategy = in_step(settings)
    log = ProgressLog(os.path.join(job.run, PROGRESS) if share.chief else None)
    log.phase("reading")
    reader = Reader.of(job.declared, job.transform_output)
    data = Data.read(reader, job.train_files, job.validation_files, settings, share)
    feed = Feed(data, settings, strategy)
    check(feed.train, job)
    log.phase("building")
    with strategy.scope():
        training = build_training(settings, reader.features, feed.train.clicks / feed.train.rows)
    started = start_warm(training, job)
    log.phase("training")
    tensorboard = os.path.join(job.run, TENSORBOARD) if settings.tensorboard else None
    fitted = fit(training, feed, settings, job.folder, tensorboard, log)
    if feed.refit_steps:
        log.phase("refitting")
        refit(training, feed, log)
    log.phase("")
    return learned(training, feed.train, feed.validation, started, fitted, log)


def learned(
    training: TrainingModel,
    train: Totals,
    validation: Totals | None,
    started: dict[str, Any] | None,
    fitted: dict[str, Any],
    log: ProgressLog,
) -> Learned:
    """Sums a training up."""
    history = {
        "rows": {"train": train.rows, "validation": validation.rows if validation else 0},
        "examples": int(training.examples_metric.result()),
        "warm_start": started,
        **fitted,
    }
    return Learned(weight_values(training), history, log.seconds)


def check(train: Totals, job: Job) -> None:
    """Raises: DataRefused: no rows to train on, or labels of one kind only."""
    if not train.rows:
        raise DataRefused("the training days of the window hold no rows: widen window.days or ingest them again")
    if not train.mixed:
        raise DataRefused(
            f"column {job.declared.label.name!r} is {1 if train.clicks else 0} in all {train.rows} training rows: "
            "check how the log fills it"
        )


def start_warm(training: TrainingModel, job: Job) -> dict[str, Any] | None:
    """Gives the model the weights of the one in service, as far as they fit; returns what became of them."""
    settings = job.trainer
    old = Weights.read(job.base) if job.base and settings.warm_start else None
    if old is None:
        return None
    words = vocabularies(job.declared, tft.TFTransformOutput(job.transform_output))
    values, report = warm_start(weight_values(training), table_of(training), words, old, settings.new_rows)
    assign_weights(training, values)
    for name, reason in report.cold.items():
        logging.warning("%s starts anew: %s", name, reason)
    return report.summary()
