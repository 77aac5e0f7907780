"""Small inputs for the tests of models."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from scenerank.schemas.bias import BiasFeature
from scenerank.schemas.features import Feature, FeatureSet

LENGTH = 6


def small_features(scenarios: int = 4, history: bool = True, trigger: bool = False) -> FeatureSet:
    """One or two features of every group; `scenarios` without the unknown one."""
    rows = scenarios + 1
    features = [
        Feature("user", "user", True, 30, "user", "user"),
        Feature("city", "user", True, 7, "city", "city"),
        Feature("item", "item", True, 20, "item", "item"),
        Feature("price", "item", False, 1, "price", "price"),
        Feature("page", "scenario", True, rows, "page", "page"),
        Feature("theme", "scenario", True, 5, "theme", "theme"),
        Feature("rate", "context", False, 1, "rate", "rate"),
    ]
    if trigger:
        features += [
            Feature("query", "trigger", True, 9, "query", "query"),
            Feature("trigger_price", "trigger", False, 1, "trigger_price", "trigger_price"),
        ]
    if history:
        features += [
            Feature("history_item", "behavior_item", True, 20, "item", "item", True),
            Feature("history_price", "behavior_item", False, 1, "price", "price", True),
            Feature("history_page", "behavior_scenario", True, rows, "page", "page", True),
            Feature("history_theme", "behavior_scenario", True, 5, "theme", "theme", True),
            Feature("history_type", "behavior", True, 3, "history_type", "history_type", True),
        ]
    bias = (BiasFeature("place", 6, 1),)
    return FeatureSet(tuple(features), "page", "item", "user", LENGTH if history else 0, bias)


def random_batch(
    features: FeatureSet, rows: int = 16, length: int = LENGTH, seed: int = 0
) -> tuple[dict[str, tf.Tensor], tf.Tensor, tf.Tensor]:
    """Features, labels, weights; histories of 0 to `length` behaviors, the first of them empty, padded with 0."""
    random = np.random.default_rng(seed)
    lengths = random.integers(0, length + 1, rows)
    lengths[0] = 0
    real = np.arange(length)[None] < lengths[:, None]
    batch: dict[str, np.ndarray] = {}
    for feature in features.features:
        shape = (rows, length) if feature.sequence else (rows,)
        if feature.categorical:
            low = int(feature.name == features.scenario and feature.size > 1)
            batch[feature.name] = random.integers(low, feature.size, shape)
        else:
            batch[feature.name] = random.normal(size=shape).astype(np.float32)
        if feature.sequence:
            batch[feature.name] = np.where(real, batch[feature.name], 0).astype(batch[feature.name].dtype)
    if features.history_length:
        batch["history_length"] = lengths
    for column in features.bias:
        batch[column.name] = random.integers(0, column.size, rows)
    batch["fairness_coefficient"] = random.lognormal(0, 0.5, rows).astype(np.float32)
    labels = (random.random(rows) < 0.4).astype(np.float32)
    weights = random.uniform(0.5, 1.5, rows).astype(np.float32)
    return {k: tf.constant(v) for k, v in batch.items()}, tf.constant(labels), tf.constant(weights)


def served(batch: Mapping[str, tf.Tensor], features: FeatureSet) -> dict[str, tf.Tensor]:
    """The batch without what only training knows."""
    hidden = {"fairness_coefficient", *(column.name for column in features.bias)}
    return {name: tensor for name, tensor in batch.items() if name not in hidden}


def shake(model: keras.Model, seed: int = 0) -> None:
    """Moves every trainable weight off its initial value, so that zeros and ones hide nothing."""
    random = np.random.default_rng(seed)
    for weight in model.trainable_weights:
        weight.assign(weight + random.normal(0, 0.2, weight.shape).astype(np.float32))


@pytest.fixture(autouse=True)
def _seed() -> None:
    keras.utils.set_random_seed(7)
