"""What a training starts from: initial weights, or those of the model in service."""

from __future__ import annotations

import dataclasses
import logging
from typing import Any

import models  # noqa: F401  (legacy Keras has to be chosen before TensorFlow is imported)

import tensorflow_transform as tft  # isort: skip
import numpy as np

from components.errors import DataRefused
from components.trainer.job import Job
from components.trainer.optimizer_state import MOMENTS, STEPS, optimizer_state, restore_optimizer
from components.trainer.warm_start import warm_start
from components.trainer.weights import Weights, vocabularies
from models.base import assign_weights, table_of, weight_values
from models.training import TrainingModel


def start_warm(training: TrainingModel, job: Job) -> dict[str, Any] | None:
    """Gives the model the weights of the one in service, as far as they fit; returns what became of them.

    A training that goes on also gets the optimizer's state, which has to be compiled for it: moments move with the
    rows that they belong to, and are 0 for new ones.

    Raises:
      DataRefused: a training that goes on, from weights that do not fit.
    """
    old = Weights.read(job.base) if job.base else None
    if old is None:
        return None
    words, tables = vocabularies(job.declared, tft.TFTransformOutput(job.transform_output)), table_of(training)
    values, report = warm_start(weight_values(training), tables, words, old, job.trainer.new_rows)
    assign_weights(training, values)
    for name, reason in report.cold.items():
        if job.days:
            raise DataRefused(f"{name} cannot be learned on, {reason}: run the day with trainer.mode=full")
        logging.warning("%s starts anew: %s", name, reason)
    if job.days:
        fresh = optimizer_state(training)
        steps = fresh.pop(STEPS)
        of_tables = {f"{kind}/{name}": table for kind in MOMENTS for name, table in tables.items()}
        blank = {name: np.zeros_like(moment) for name, moment in fresh.items()}
        moments, _ = warm_start(blank, of_tables, words, dataclasses.replace(old, arrays=old.optimizer))
        restore_optimizer(training, {**moments, STEPS: old.optimizer.get(STEPS, steps)})
    return report.summary()
