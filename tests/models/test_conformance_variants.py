"""What every switch of every model must leave whole: a few tests over all of `tests.models.variants`."""

from __future__ import annotations

import functools
import json

import models  # noqa: F401  isort: skip
import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from models.ablations import parted
from models.base import RankingModel, input_signature, named_weights
from models.registry import MODELS, build_model
from models.training import TrainingModel
from schemas.bias import DebiasSettings
from tests.models.conftest import random_batch, shake, small_features
from tests.models.variants import variants

FEATURES = small_features()
VARIANTS = variants()
every_variant = pytest.mark.parametrize("variant", VARIANTS)


@functools.lru_cache(1)
def shaken(variant: str) -> TrainingModel:
    """The training model with weights at which nothing is zero or one by chance."""
    name, over = VARIANTS[variant]
    keras.utils.set_random_seed(1)
    row = parted(over)
    training = build_model(name, FEATURES, _small(row.settings)).training_model(
        DebiasSettings.model_validate(row.debias or {})
    )
    shake(training)
    return training


def _small(over: dict) -> dict:
    return {**over, "embedding": {"dim": 4, **over.get("embedding", {})}}


@every_variant
def test_variant_gives_a_logit_a_row_and_every_weight_a_gradient(variant):
    training = shaken(variant)
    weights = {key: weight for key, weight in named_weights(training).items() if weight.trainable}
    seen = dict.fromkeys(weights, 0.0)
    for seed in range(4):
        batch, labels, _ = random_batch(FEATURES, 64, seed=seed)
        with tf.GradientTape() as tape:
            logits, losses = training.forward(batch)[:2]
            logits = training.under_bias(logits, batch, training=True)
            assert logits.shape == (64,) and logits.dtype == tf.float32 and np.isfinite(logits).all()
            loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels, logits))
            loss += sum(tf.reduce_mean(values) for values in losses.values())
        for key, gradient in zip(weights, tape.gradient(loss, list(weights.values()))):
            assert gradient is not None, key
            values = gradient.values if isinstance(gradient, tf.IndexedSlices) else gradient
            assert np.isfinite(values).all(), key
            seen[key] = max(seen[key], float(np.abs(values).max()))
        if min(seen.values()) > 1e-9:
            return
    assert not [key for key in weights if seen[key] < 1e-9]


@every_variant
def test_variant_ranks_candidates_as_rows(variant):
    check_ranking(shaken(variant).serving)


@every_variant
def test_variant_is_built_again_from_its_configuration(variant):
    model = shaken(variant).serving
    copy = MODELS[VARIANTS[variant][0]].from_config(json.loads(json.dumps(model.get_config())))
    values = named_weights(model)
    assert named_weights(copy).keys() == values.keys()
    for key, weight in named_weights(copy).items():
        weight.assign(values[key])
    batch, _, _ = random_batch(FEATURES)
    np.testing.assert_array_equal(copy(batch), model(batch))


def check_ranking(model: RankingModel) -> None:
    """Candidates of a request, 1 and 16, score as if its history were written out for each of them."""
    together = {f.name for f in FEATURES.features if f.sequence} | {"history_length"}
    signature = input_signature(FEATURES, request=True)
    call = tf.function(lambda features: model(features, training=False), input_signature=[signature])
    for candidates in (1, 16):
        batch, _, _ = random_batch(FEATURES, candidates, seed=3)
        one, _, _ = random_batch(FEATURES, 6, seed=3)
        flat = dict(batch) | {"history_length": tf.fill([candidates], tf.constant(4, tf.int64))}
        for feature in FEATURES.features:
            if feature.group not in ("item", "context"):
                flat[feature.name] = tf.repeat(one[feature.name][5:6], candidates, 0)
        request = {key: flat[key][0] if key in together else flat[key] for key in signature}
        np.testing.assert_allclose(call(request), model(flat), rtol=1e-4, atol=1e-5)
