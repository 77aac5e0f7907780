"""What a training starts from: initial weights, or those of the model in service."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow_transform as tft

from scenerank.components.trainer.checkpoint.optimizer_state import (
    MOMENTS,
    STEPS,
    optimizer_state,
    restore_optimizer,
)
from scenerank.components.trainer.checkpoint.warm_start import Report, warm_start
from scenerank.components.trainer.checkpoint.weights import Weights, vocabularies
from scenerank.components.trainer.job import Job
from scenerank.errors import DataError
from scenerank.models.base import assign_weights, table_of, weight_values
from scenerank.models.training import TrainingModel


def start(training: TrainingModel, job: Job) -> dict[str, Any] | None:
    """Gives the model the weights that the job starts from, as far as they fit, and to the optimizer of a training that
    goes on, compiled for it, its state; returns what became of the weights.

    Raises:
      DataError: weights to go on from do not fit.
    """
    old = Weights.read(job.base) if job.base else None
    if old is None:
        return None
    words = vocabularies(job.declared, tft.TFTransformOutput(job.transform_output))
    report = carry_over(training, old, words, job.trainer.new_rows)
    for name, reason in report.cold.items():
        if job.days:
            raise DataError(f"training cannot go on with {name}, {reason}: run the day with trainer.mode=full")
        logging.warning("%s starts anew: %s", name, reason)
    if job.days:
        carry_optimizer(training, old, words)
    return report.summary()


def carry_over(training: TrainingModel, old: Weights, words: Mapping[str, Sequence[str]], new_rows: str) -> Report:
    """Sets weights, rows of tables by the values that they stand for; see `warm_start`."""
    values, report = warm_start(weight_values(training), table_of(training), words, old, new_rows)
    assign_weights(training, values)
    return report


def carry_optimizer(training: TrainingModel, old: Weights, words: Mapping[str, Sequence[str]]) -> None:
    """Sets the optimizer's state: moments move with the rows that they belong to, and are 0 for new ones."""
    blank = {name: np.zeros_like(value) for name, value in optimizer_state(training).items() if name != STEPS}
    tables = {f"{kind}/{name}": table for kind in MOMENTS for name, table in table_of(training).items()}
    moments, _ = warm_start(blank, tables, words, dataclasses.replace(old, arrays=old.optimizer))
    restore_optimizer(training, {**moments, STEPS: old.optimizer[STEPS]})
