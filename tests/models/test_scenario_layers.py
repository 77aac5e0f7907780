"""Layers with parameters by scenario against a loop over rows."""

import hypothesis
import hypothesis.strategies as st
import numpy as np
import tensorflow as tf

from scenerank.models.layers.gates import ScenarioGate
from scenerank.models.layers.scenario_batch_norm import ScenarioBatchNormalization
from scenerank.models.layers.scenario_dense import ScenarioDense
from scenerank.models.layers.scenario_routing import route
from scenerank.models.layers.scenario_transform import ScenarioTransform
from tests.models.conftest import shake


@hypothesis.settings(deadline=None, max_examples=50)
@hypothesis.given(
    st.integers(1, 40).flatmap(lambda s: st.tuples(st.just(s), st.lists(st.integers(0, s - 1), min_size=1)))
)
def test_routes_hold_every_row_once_in_a_block_of_its_scenario(case):
    scenarios, rows = case
    routes = route(tf.constant(rows), scenarios)
    values = tf.range(len(rows), dtype=tf.float32)[:, tf.newaxis]
    np.testing.assert_array_equal(routes.ungroup(routes.group(values)), values)
    block = routes.block_rows.shape[1]
    np.testing.assert_array_equal(routes.block_scenario.numpy()[routes.place.numpy() // block], rows)
    assert len(set(routes.place.numpy())) == len(rows)
    assert routes.block_rows.shape[0] <= len(rows) // block + len(set(rows))


def test_scenario_dense_equals_a_loop():
    random = np.random.default_rng(0)
    scenario = random.integers(0, 5, 40)
    inputs = random.normal(size=(40, 4)).astype("f4")
    layer = ScenarioDense(5, 6, table="page")
    routes = route(tf.constant(scenario), 5)
    layer(inputs, routes)
    shake(layer)
    kernel, bias = layer.kernel.numpy(), layer.bias.numpy()
    expected = [inputs[i] @ kernel[s] + bias[s] for i, s in enumerate(scenario)]
    np.testing.assert_allclose(layer(inputs, routes), expected, rtol=1e-4, atol=1e-5)


def test_scenario_dense_with_an_input_for_each_expert():
    random = np.random.default_rng(0)
    scenario = random.integers(0, 5, 20)
    inputs = random.normal(size=(20, 3, 4)).astype("f4")
    layer = ScenarioDense(5, 2, table="page", experts=3)
    routes = route(tf.constant(scenario), 5)
    outputs = layer(inputs, routes)
    expected = [np.einsum("ei,eio->eo", inputs[i], layer.kernel.numpy()[s]) for i, s in enumerate(scenario)]
    np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-5)


def test_scenario_dense_gradients_touch_the_scenarios_present_only():
    layer = ScenarioDense(1000, 2, table="page")
    with tf.GradientTape() as tape:
        outputs = tf.reduce_sum(layer(tf.ones((3, 4)), route(tf.constant([5, 9, 5]), 1000)))
    for gradient in tape.gradient(outputs, layer.trainable_weights):
        assert isinstance(gradient, tf.IndexedSlices)
        assert set(gradient.indices.numpy()) == {5, 9}


def test_transform_starts_as_identity_and_scales_by_scenario():
    inputs = np.random.default_rng(0).normal(size=(6, 3)).astype("f4")
    scenario = np.array([0, 1, 2, 1, 0, 2])
    layer = ScenarioTransform(3, "page")
    np.testing.assert_array_equal(layer(inputs, scenario), inputs)
    shake(layer)
    expected = inputs * layer.scale.numpy()[scenario] + layer.shift.numpy()[scenario]
    np.testing.assert_allclose(layer(inputs, scenario), expected, rtol=1e-6)


def test_batch_norm_sees_its_own_scenario_only():
    random = np.random.default_rng(0)
    scenario = np.repeat([0, 1], 400)
    inputs = random.normal(size=(800, 2)).astype("f4") + np.where(scenario == 0, 5, -3)[:, None].astype("f4")
    layer = ScenarioBatchNormalization(3, "page", prior_rows=1e-3)
    outputs = layer(inputs, scenario, training=True).numpy()
    for s in (0, 1):
        np.testing.assert_allclose(outputs[scenario == s].mean(0), 0, atol=1e-3)
        np.testing.assert_allclose(outputs[scenario == s].std(0), 1, atol=1e-2)
    np.testing.assert_array_equal(layer.moving_mean[2], [0, 0])
    np.testing.assert_array_equal(layer.moving_variance[2], [1, 1])


def test_batch_norm_of_few_rows_leans_on_moving_moments():
    layer = ScenarioBatchNormalization(2, "page", prior_rows=8)
    output = layer(tf.constant([[3.0]]), tf.constant([1]), training=True).numpy()
    mean, share = 3 / 9, 1 / 9
    variance = (1 - share) * 1 + share * (1 - share) * 9
    np.testing.assert_allclose(output, [[(3 - mean) / np.sqrt(variance + 1e-3)]], rtol=1e-5)


def test_moving_moments_are_those_of_all_rows_seen():
    random = np.random.default_rng(0)
    layer = ScenarioBatchNormalization(1, "page", prior_rows=1e-6)
    batches = [random.normal(2, 3, size=(n, 1)).astype("f4") for n in (10, 50, 1, 39)]
    for rows in batches:
        layer(rows, np.zeros(len(rows), "i8"), training=True)
    rows = np.concatenate(batches)
    np.testing.assert_allclose(layer.moving_mean[0], rows.mean(0), rtol=1e-4)
    np.testing.assert_allclose(layer.moving_variance[0], rows.var(0), rtol=1e-4)


def test_gate_is_a_softmax_and_leaves_untrained_experts_of_an_unknown_scenario_out():
    layer = ScenarioGate(4, "page", specific=2, shared=3)
    routes = route(tf.constant([0, 1, 3]), 4)
    inputs = np.random.default_rng(0).normal(size=(3, 5)).astype("f4")
    np.testing.assert_allclose(layer(inputs, routes)[1:], np.full((2, 5), 0.2), rtol=1e-6)
    shake(layer)
    gate = layer(inputs, routes).numpy()
    np.testing.assert_allclose(gate.sum(1), 1, rtol=1e-6)
    assert (gate[0, :2] == 0).all() and (gate[0, 2:] > 0).all()
    logits = inputs[1] @ layer.dense.kernel.numpy()[1]
    np.testing.assert_allclose(gate[1], np.exp(logits) / np.exp(logits).sum(), rtol=1e-5)
    alone = ScenarioGate(4, "page", specific=2, shared=0)
    np.testing.assert_allclose(alone(inputs, routes), np.full((3, 2), 0.5))
