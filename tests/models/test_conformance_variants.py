"""What every switch of every model must leave whole: a few tests over all of `tests.models.variants`."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from scenerank.models.ablations import parted
from scenerank.models.base import RankingModel, named_weights
from scenerank.models.registry import build_model
from scenerank.models.training import TrainingModel, training_model
from scenerank.schemas.bias import DebiasSettings
from tests.models.conftest import random_batch, shake, small_features
from tests.models.variants import variants

pytestmark = pytest.mark.slow
FEATURES = small_features()
VARIANTS = variants()


@pytest.fixture(scope="module", params=VARIANTS)  # so pytest runs a variant's tests one after the other
def shaken(request) -> TrainingModel:
    """The training model with weights at which nothing is zero or one by chance."""
    name, over = VARIANTS[request.param]
    keras.utils.set_random_seed(1)
    row = parted(over)
    training = training_model(
        build_model(name, FEATURES, _small(row.settings)), DebiasSettings.model_validate(row.debias or {})
    )
    shake(training)
    return training


def _small(over: dict) -> dict:
    return {**over, "embedding": {"dim": 4, **over.get("embedding", {})}}


def test_variant_gives_a_logit_a_row_and_every_weight_a_gradient(shaken):
    weights = {key: weight for key, weight in named_weights(shaken).items() if weight.trainable}
    seen = dict.fromkeys(weights, 0.0)
    for seed in range(4):
        batch, labels, _ = random_batch(FEATURES, 64, seed=seed)
        with tf.GradientTape() as tape:
            logits, losses = shaken.forward(batch)[:2]
            logits = shaken.under_bias(logits, batch, training=True)
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


def test_variant_ranks_candidates_as_rows(shaken):
    check_ranking(shaken.serving)


def test_variant_is_built_again_from_its_configuration(shaken):
    model = shaken.serving
    copy = type(model).from_config(json.loads(json.dumps(model.get_config())))
    values = named_weights(model)
    assert named_weights(copy).keys() == values.keys()
    for key, weight in named_weights(copy).items():
        weight.assign(values[key])
    batch, _, _ = random_batch(FEATURES)
    np.testing.assert_array_equal(copy(batch), model(batch))


def check_ranking(model: RankingModel) -> None:
    """Candidates of a request, 1 and 16, score as if its history were written out for each of them."""
    together = {f.name for f in FEATURES.features if f.sequence} | {"history_length"}
    for candidates in (1, 16):
        batch, _, _ = random_batch(FEATURES, candidates, seed=3)
        one, _, _ = random_batch(FEATURES, 6, seed=3)
        flat = dict(batch) | {"history_length": tf.fill([candidates], tf.constant(4, tf.int64))}
        for feature in FEATURES.features:
            if feature.group not in ("item", "context"):
                flat[feature.name] = tf.repeat(one[feature.name][5:6], candidates, 0)
        request = {key: value[0] if key in together else value for key, value in flat.items()}
        np.testing.assert_allclose(model(request), model(flat), rtol=1e-4, atol=1e-5)
