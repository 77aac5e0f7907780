"""STAR against its equations in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from scenerank.models.baselines.star import STAR
from scenerank.models.layers.partitioned_norm import PartitionedNormalization
from scenerank.models.layers.scenario_routing import route
from scenerank.models.layers.star_dense import StarDense
from tests.models.conftest import random_batch, shake
from tests.models.numpy_layers import mlp
from tests.models.test_sharing_baselines import (
    BATCH,
    FEATURES,
    SCENARIO,
    SCENARIOS,
    WIDTH,
    built,
    count,
    fields,
)


def star(layers, hidden):
    """Each row through the products of the shared and its scenario's weights."""
    rows = []
    for s, values in zip(SCENARIO, hidden):
        for i, layer in enumerate(layers):
            kernel = layer.shared_kernel.numpy() * layer.kernel.numpy()[s]
            values = values @ kernel + layer.shared_bias.numpy() + layer.bias.numpy()[s]
            values = np.maximum(values, 0) if i < len(layers) - 1 else values
        rows.append(values)
    return np.stack(rows)


def normal(norm, values, mean, variance, scenario):
    gamma = norm.shared_gamma.numpy() * norm.gamma.numpy()[scenario]
    beta = norm.shared_beta.numpy() + norm.beta.numpy()[scenario]
    return gamma * (values - mean) / np.sqrt(variance + norm.epsilon) + beta


def test_logit_is_the_star_networks_and_the_auxiliary_ones():
    model = built(STAR, units=(6, 5), auxiliary_units=(4,))
    vector, norm = fields(model), model.norm
    moments = norm.moving_mean.numpy()[SCENARIO], norm.moving_variance.numpy()[SCENARIO]
    expected = star(model.star, normal(norm, vector, *moments, SCENARIO)) + mlp(model.auxiliary, vector)
    np.testing.assert_allclose(model(BATCH), expected[:, 0], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("grouped", [False, True])
def test_star_dense_multiplies_weights_and_adds_biases(grouped):
    layer = StarDense(SCENARIOS, 3, table="page")
    inputs = np.random.default_rng(0).normal(size=(16, 4)).astype("f4")
    routes = route(tf.constant(SCENARIO), SCENARIOS)
    shared = layer(inputs, routes)
    np.testing.assert_allclose(shared, inputs @ layer.shared_kernel.numpy(), rtol=1e-4, atol=1e-5)
    shake(layer)
    given = layer(routes.group(inputs), routes, grouped=True) if grouped else layer(inputs, routes)
    np.testing.assert_allclose(routes.ungroup(given) if grouped else given, star([layer], inputs), rtol=1e-4, atol=1e-5)
    assert {id(variable) for variable, _ in layer.row_tables()} == {id(layer.kernel), id(layer.bias)}
    copy = StarDense.from_config(layer.get_config())
    assert (copy.units, copy.scenarios, copy.table) == (3, SCENARIOS, "page")


def test_partitioned_normalisation_trains_on_the_moments_of_the_scenario():
    norm = PartitionedNormalization(3, "page", prior_rows=1e-6, window=1e6)
    random = np.random.default_rng(0)
    scenario = np.repeat([1, 2], [100, 300])
    inputs = random.normal(scenario[:, None] * [3.0, -5.0], scenario[:, None], (400, 2)).astype("f4")
    norm(inputs, tf.constant(scenario))
    shake(norm)
    outputs = norm(inputs, tf.constant(scenario), training=True).numpy()
    for s in (1, 2):
        rows = inputs[scenario == s]
        expected = normal(norm, rows, rows.mean(0), rows.var(0), s)
        np.testing.assert_allclose(outputs[scenario == s], expected, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(norm(inputs, tf.constant(scenario)), outputs, rtol=1e-3, atol=1e-3)
    unknown = norm(inputs, tf.zeros(400, tf.int64)).numpy()
    np.testing.assert_allclose(unknown, normal(norm, inputs, inputs.mean(0), inputs.var(0), 0), rtol=1e-3, atol=1e-3)


def test_moments_of_the_unknown_scenario_are_those_of_all_rows():
    norm = PartitionedNormalization(4, "page", prior_rows=1e-6)
    random = np.random.default_rng(1)
    scenario = random.integers(0, 4, 60)
    inputs = (random.normal(size=(60, 2)) + scenario[:, None]).astype("f4")
    norm(inputs, tf.constant(scenario), training=True)
    np.testing.assert_allclose(norm.moving_mean[0], inputs.mean(0), rtol=1e-4)
    np.testing.assert_allclose(norm.moving_variance[0], inputs.var(0), rtol=1e-4)
    np.testing.assert_allclose(norm.seen[:, 0], [60, *np.bincount(scenario)[1:]], rtol=1e-4)


def test_an_unseen_scenario_is_served_by_the_shared_network():
    model = STAR(FEATURES, {"embedding": {"dim": 4}})
    model.build_weights()
    for seed in range(3):
        model(random_batch(FEATURES, 200, seed=seed)[0], training=True)
    batch = {**BATCH, "page": tf.zeros(16, tf.int64)}
    vector, norm = fields(model, batch), model.norm
    hidden = normal(norm, vector, norm.moving_mean.numpy()[0], norm.moving_variance.numpy()[0], 0)
    for layer in model.star:
        hidden = hidden @ layer.shared_kernel.numpy() + layer.shared_bias.numpy()
        hidden = np.maximum(hidden, 0) if layer is not model.star[-1] else hidden
    expected = (hidden + mlp(model.auxiliary, vector))[:, 0]
    np.testing.assert_allclose(model(batch), expected, rtol=1e-3, atol=1e-4)


def test_switches_change_the_parameters_as_they_imply():
    sizes = {"units": (6,), "auxiliary_units": (4,)}
    full = count(built(STAR, **sizes))
    assert full - count(built(STAR, **sizes, partitioned_norm=False)) == (SCENARIOS + 1) * 2 * WIDTH
    assert full - count(built(STAR, **sizes, auxiliary=False)) == WIDTH * 4 + 4 + 4 + 1
    layers = {units: count(built(STAR, **{**sizes, "units": units})) for units in [(6,), (6, 5)]}
    assert layers[(6, 5)] - layers[(6,)] == (SCENARIOS + 1) * (6 * 5 + 5 + 5 - 6)


def test_settings_refuse_what_is_out_of_range():
    for wrong in ({"units": (0,)}, {"auxiliary_units": (-3,)}, {"dropout": -0.1}, {"star": True}):
        with pytest.raises(ValueError):
            STAR.settings_class.model_validate(wrong)
