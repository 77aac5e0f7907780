"""What a model knows before and just after its first steps: nothing that a later day could stumble over."""

import numpy as np
import pytest
import tensorflow as tf

from scenerank.models.layers.bias_nets import BiasNets
from scenerank.models.layers.scenario_batch_norm import ScenarioBatchNormalization
from scenerank.models.layers.scenario_routing import route
from scenerank.models.registry import build_model
from scenerank.models.training import training_model
from scenerank.schemas.bias import BiasFeature
from tests.models.conftest import random_batch, shake, small_features

SMALL = {"embedding": {"dim": 4}, "attention_units": (8,), "expert_units": (8,), "shared_experts": 2}
PLACE = (BiasFeature("place", 6, 1),)
NUMBERS = ("price", "rate", "history_price")


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("fusion", ["multiply", "add"])
def test_bias_nets_leave_impressions_alone_that_nobody_boosted(fusion, training):
    random = np.random.default_rng(0)
    routes = route(tf.constant(random.integers(1, 4, 12)), 4)
    main = random.normal(size=(12, 5)).astype("f4")
    layer = BiasNets(4, "page", specific=2, shared=3, columns=PLACE, settings={"nets": True, "fusion": fusion})
    layer(main, {"fairness_coefficient": tf.ones(12), "place": tf.ones(12, tf.int64)}, routes)
    shake(layer)
    ordinary = np.arange(12) < 6
    shown = {"fairness_coefficient": np.where(ordinary, 1.0, 3.0).astype("f4"), "place": np.where(ordinary, 1, 4)}
    scores = layer(main, shown, routes, training=training).numpy()
    np.testing.assert_allclose(scores[:6], main[:6], rtol=1e-5, atol=1e-6)
    assert np.abs(scores[6:] - main[6:]).max(1).min() > 1e-2


def test_numbers_that_were_always_zero_change_nothing_in_service():
    features = small_features()
    batch, labels, weights = random_batch(features, 64)
    model = training_model(build_model("sar_net", features, SMALL))
    model.compile(optimizer="adam")
    absent = {**batch, **{name: tf.zeros_like(batch[name]) for name in NUMBERS}}
    model.fit(tf.data.Dataset.from_tensors((absent, labels, weights)).repeat(20), verbose=0)
    np.testing.assert_allclose(model.serving(batch), model.serving(absent), rtol=1e-5, atol=1e-6)


def test_a_fresh_model_predicts_the_click_rate():
    features = small_features()
    batch, _, _ = random_batch(features, 64)
    model = build_model("sar_net", features, SMALL)
    model.start_at(0.03)
    assert tf.reduce_mean(tf.sigmoid(model(batch))).numpy() == pytest.approx(0.03, rel=0.1)


def test_moving_moments_follow_what_a_training_changes():
    random = np.random.default_rng(0)
    layer = ScenarioBatchNormalization(1, "page")
    for step in range(100):
        rows = random.normal(step / 20, 1 + step / 50, size=(64, 1)).astype("f4")
        layer(rows, np.zeros(64, "i8"), training=True)
    np.testing.assert_allclose(layer.moving_mean[0], 5, atol=0.5)
    np.testing.assert_allclose(layer.moving_variance[0], 9, rtol=0.15)


@pytest.mark.parametrize("name", ["hierrec", "apg"])
def test_weights_are_drawn_as_kerass_are(name):
    """A deterministic process refuses operations that draw without a seed."""
    with tf.Graph().as_default() as graph:
        build_model(name, small_features(), {"embedding": {"dim": 4}})
    assert not {op.type for op in graph.get_operations()} & {"RandomUniform", "TruncatedNormal", "RandomStandardNormal"}
