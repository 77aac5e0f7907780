"""Fairness Coefficients within a benchmark, and the sub-sampling that SAR-Net's Table 5 compares them with."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import tensorflow as tf

import models  # noqa: F401  (legacy Keras has to be chosen before TensorFlow is imported)
from components.fairness_coefficient import aggregation
from components.fairness_coefficient.lookup import FairnessLookup
from components.fairness_coefficient.settings import FairnessSettings
from components.trainer.store import Store

FAIRNESS_COLUMN = -3
"""Of a store's floats."""


def with_coefficients(
    store: Store,
    score: np.ndarray,
    days: np.ndarray,
    settings: FairnessSettings,
    scenarios: np.ndarray | None = None,
    items: np.ndarray | None = None,
) -> Store:
    """The rows with the coefficients that a model's scores give them, day by day (Eq. 1).

    Args:
      score: probability `[N]`; days: any values that say which rows are of one day `[N]`.
      scenarios, items: keys `[N]`, int64 or text; by default the model's inputs.
    """
    if scenarios is None:
        scenarios = store.scenarios.astype(np.int64)
    if items is None:
        items = store.integer_column(store.features.item).astype(np.int64)
    coefficient = np.ones(store.rows, np.float32)
    for day in np.unique(days):
        rows = np.flatnonzero(days == day)
        scenario, item = (pa.array(column[rows]) for column in (scenarios, items))
        sums = aggregation.merge([aggregation.partial_sums(scenario, item, pa.array(score[rows].astype(np.float64)))])
        table = aggregation.fairness_table(sums, aggregation.totals(sums), str(day), settings)
        coefficient[rows] = FairnessLookup(table)(scenario, item)
    floats = store.floats.numpy()
    floats[:, FAIRNESS_COLUMN] = coefficient
    return dataclasses.replace(store, floats=tf.constant(floats))


def subsampled(store: Store, share: float, seed: int) -> Store:
    """The rows without 1 - `share`, drawn by chance, of those whose item is shown more than its scores deserve."""
    over_exposed = store.floats[:, FAIRNESS_COLUMN].numpy() < 1
    chance = np.random.default_rng([seed, 1]).random(store.rows)
    return store.take(np.flatnonzero(~over_exposed | (chance < share)))
