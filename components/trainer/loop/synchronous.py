"""Training in step: on one device, on the GPUs of a machine, or on several machines that take every step together."""

from __future__ import annotations

import os
from typing import Any

import tensorflow as tf

from scenerank.components.examples_window.window import files_of_day
from scenerank.components.trainer.checkpoint.lineage import INCREMENTAL
from scenerank.components.trainer.checkpoint.optimizer_state import optimizer_state
from scenerank.components.trainer.checkpoint.starting import start
from scenerank.components.trainer.input.distributed import DistributedInput, SplitTotals
from scenerank.components.trainer.input.sharding import ALONE, InputShard
from scenerank.components.trainer.input.splits import TrainingInput
from scenerank.components.trainer.job import PROGRESS, TENSORBOARD, Job
from scenerank.components.trainer.loop.building import build_training, compile_training, start_afresh
from scenerank.components.trainer.loop.fitting import fit, go_on, refit
from scenerank.components.trainer.loop.progress import ProgressLog
from scenerank.components.trainer.loop.strategies import in_step
from scenerank.components.trainer.result import TrainingResult
from scenerank.components.transform.example_reader import ExampleReader
from scenerank.errors import DataError
from scenerank.models.base import weight_values
from scenerank.models.training import TrainingModel


def learn(job: Job, share: InputShard = ALONE) -> TrainingResult:
    """Trains on the share's files, in step with whoever has the others.

    Raises:
      DataError: no rows, or labels of one kind only.
    """
    start_afresh(job.trainer)
    strategy = in_step(job.trainer)
    log = ProgressLog(os.path.join(job.run, PROGRESS) if share.chief else None)
    log.phase("reading")
    reader = ExampleReader.of(job.declared, job.transform_output)
    return (_days if job.days else _window)(job, share, reader, strategy, log)


def _window(
    job: Job, share: InputShard, reader: ExampleReader, strategy: tf.distribute.Strategy, log: ProgressLog
) -> TrainingResult:
    """A full training."""
    settings = job.trainer
    feed = DistributedInput(
        TrainingInput.read(reader, job.train_files, job.validation_files, settings, share), settings, strategy
    )
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


def _days(
    job: Job, share: InputShard, reader: ExampleReader, strategy: tf.distribute.Strategy, log: ProgressLog
) -> TrainingResult:
    """A training that goes on."""
    settings = job.trainer
    data = TrainingInput.of_days(reader, [files_of_day(day, job.train_files) for day in job.days], settings, share)
    feeds = [feed for feed in (DistributedInput(of, settings, strategy) for of in data) if feed.train.rows]
    train = SplitTotals.of(feeds)
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
    train: SplitTotals,
    validation: SplitTotals | None,
    started: dict[str, Any] | None,
    fitted: dict[str, Any],
    job: Job,
    log: ProgressLog,
) -> TrainingResult:
    """Sums a training up, which ends the log's last phase."""
    log.phase("")
    history = {
        "rows": {"train": train.rows, "validation": validation.rows if validation else 0},
        "examples": int(training.examples_metric.result()),
        "warm_start": started,
        **fitted,
    }
    kept = optimizer_state(training) if job.trainer.mode == INCREMENTAL else {}
    return TrainingResult(weight_values(training), history, log.seconds, kept)


def check(train: SplitTotals, job: Job) -> None:
    """Raises: DataError: no rows to train on, or labels of one kind only."""
    if not train.rows:
        raise DataError("the training days of the window hold no rows: widen window.days or ingest them again")
    if not train.mixed:
        raise DataError(
            f"column {job.declared.label.name!r} is {1 if train.clicks else 0} in all {train.rows} training rows: "
            "check how the log fills it"
        )
