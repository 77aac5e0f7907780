"""Experts, bias nets and the embedding against NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from scenerank.models.layers.bias_embedding import BiasEmbedding, FairnessEmbedding
from scenerank.models.layers.bias_nets import BiasNets, BiasTower
from scenerank.models.layers.embedding import FeatureEmbedding, concatenate
from scenerank.models.layers.experts import SharedExperts
from scenerank.models.layers.extraction import ExtractionLayer
from scenerank.models.layers.scenario_experts import ScenarioExperts
from scenerank.models.layers.scenario_routing import route
from scenerank.schemas.bias import BiasFeature
from tests.models.conftest import random_batch, shake, small_features

PLACE = (BiasFeature("place", 6, 1),)
RANDOM = np.random.default_rng(0)
INPUTS = RANDOM.normal(size=(12, 4)).astype("f4")
SCENARIO = RANDOM.integers(1, 4, 12)


def test_shared_experts_equal_networks_computed_one_by_one():
    layer = SharedExperts(3, (5, 2))
    layer(INPUTS)
    shake(layer)
    outputs = layer(INPUTS).numpy()
    for e in range(3):
        hidden = INPUTS
        for i, width in enumerate((5, 2)):
            hidden = hidden @ layer.kernels[i].numpy()[e]
            gamma, beta, mean, variance = (w[e * width : (e + 1) * width] for w in layer.norms[i].get_weights())
            hidden = np.maximum((hidden - mean) / np.sqrt(variance + 1e-3) * gamma + beta, 0)
        expected = hidden @ layer.kernels[2].numpy()[e] + layer.bias.numpy()[e]
        np.testing.assert_allclose(outputs[:, e], expected, rtol=1e-4, atol=1e-5)


def test_scenario_experts_equal_networks_computed_one_by_one():
    layer = ScenarioExperts(4, "page", experts=2, units=(5,))
    routes = route(tf.constant(SCENARIO), 4)
    layer(INPUTS, routes)
    shake(layer)
    outputs = layer(INPUTS, routes).numpy()
    for row, s in enumerate(SCENARIO):
        for e in range(2):
            own = slice(e * 5, e * 5 + 5)
            hidden = INPUTS[row] @ layer.dense[0].kernel.numpy()[s, :, own]
            norm = layer.norms[0]
            hidden = hidden / np.sqrt(1 + 1e-3) * norm.gamma.numpy()[s, own] + norm.beta.numpy()[s, own]
            expected = np.maximum(hidden, 0) @ layer.last.kernel.numpy()[s, e] + layer.last.bias.numpy()[s, e]
            np.testing.assert_allclose(outputs[row, e], expected, rtol=1e-4, atol=1e-5)


def test_experts_without_normalisation_have_biases():
    routes = route(tf.constant(SCENARIO), 4)
    shared, specific = (
        SharedExperts(2, (5, 3), normalize=False),
        ScenarioExperts(4, "page", experts=2, units=(5, 3), normalize=False),
    )
    shared(INPUTS), specific(INPUTS, routes)
    shake(shared), shake(specific)
    first, *dense = specific.dense
    for row, s in enumerate(SCENARIO):
        for e in range(2):
            hidden = INPUTS[row] @ shared.kernels[0].numpy()[e] + shared.hidden_biases[0].numpy()[e]
            for kernel, bias in zip(shared.kernels[1:], [shared.hidden_biases[1], shared.bias]):
                hidden = np.maximum(hidden, 0) @ kernel.numpy()[e] + bias.numpy()[e]
            np.testing.assert_allclose(shared(INPUTS)[row, e], hidden, rtol=1e-4, atol=1e-5)
            own = slice(e * 5, e * 5 + 5)
            hidden = INPUTS[row] @ first.kernel.numpy()[s, :, own] + first.bias.numpy()[s, own]
            for layer in [*dense, specific.last]:
                hidden = np.maximum(hidden, 0) @ layer.kernel.numpy()[s, e] + layer.bias.numpy()[s, e]
            np.testing.assert_allclose(specific(INPUTS, routes)[row, e], hidden, rtol=1e-4, atol=1e-5)


def test_experts_without_a_last_layer_give_their_hidden_one():
    routes = route(tf.constant(SCENARIO), 4)
    assert SharedExperts(3, (5, 2), outputs=None)(INPUTS).shape == (12, 3, 2)
    assert ScenarioExperts(4, "page", experts=3, units=(5, 2), outputs=None)(INPUTS, routes).shape == (12, 3, 2)


def test_extraction_mixes_own_and_shared_experts():
    routes = route(tf.constant(SCENARIO), 4)
    layer = ExtractionLayer(4, "page", specific=2, shared=3, units=(5,))
    own, common = layer(INPUTS, INPUTS, routes)
    outputs = tf.concat([layer.specific_experts(INPUTS, routes), layer.shared_experts(INPUTS)], 1)
    np.testing.assert_allclose(own, tf.reduce_mean(outputs, 1), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(common, tf.reduce_mean(outputs, 1), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("fusion", ["multiply", "add"])
def test_bias_nets_change_nothing_at_first_and_reweigh_then(fusion):
    routes = route(tf.constant(SCENARIO), 4)
    main = RANDOM.normal(size=(12, 5)).astype("f4")
    shown = {"fairness_coefficient": RANDOM.lognormal(size=12).astype("f4"), "place": RANDOM.integers(0, 6, 12)}
    layer = BiasNets(4, "page", specific=2, shared=3, columns=PLACE, settings={"nets": True, "fusion": fusion})
    np.testing.assert_allclose(layer(main, shown, routes), main, rtol=1e-6)
    shake(layer)
    bias = layer.biases(shown, routes).numpy()
    assert np.abs(bias).min() > 0
    expected = main * 2 / (1 + np.exp(-bias)) if fusion == "multiply" else main + bias
    np.testing.assert_allclose(layer(main, shown, routes), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("fusion", ["multiply", "add"])
def test_a_tower_biases_the_logit_of_what_was_not_shown_as_the_reference(fusion):
    logits = RANDOM.normal(size=12).astype("f4")
    place = np.arange(12) % 6
    layer = BiasTower(PLACE, {"nets": True, "fusion": fusion, "coefficient": False})
    np.testing.assert_allclose(layer(logits, {"place": place}), logits, rtol=1e-6)
    shake(layer)
    for training in (False, True):
        moved = np.abs(layer(logits, {"place": place}, training=training).numpy() - logits)
        assert moved[place != 1].min() > 1e-6 > moved[place == 1].max()
    again = BiasTower.from_config(layer.get_config())
    assert again.settings == layer.settings and again.embedding.columns == PLACE


def test_a_bias_embedding_is_each_inputs_vector_and_then_the_references():
    layer = BiasEmbedding(PLACE, dim=3, buckets=8)
    shown = {"fairness_coefficient": np.array([0.5, 2.0], "f4"), "place": np.array([4, 99])}
    vectors = layer(shown).numpy()
    table = layer.tables["place"].numpy()
    assert vectors.shape == (4, 9)
    np.testing.assert_array_equal(vectors[:, 6:], table[[4, 0, 1, 1]])
    np.testing.assert_array_equal(vectors[:, :6], layer.fairness(np.array([0.5, 2, 1, 1], "f4")))
    assert BiasEmbedding(PLACE, coefficient=False, dim=3)({"place": shown["place"]}).shape == (4, 3)
    with pytest.raises(ValueError, match="debias.coefficient"):
        BiasEmbedding((), coefficient=False)


def test_fairness_embedding_is_log_value_and_bucket():
    layer = FairnessEmbedding(3, 8)
    coefficient = np.array([0.5, 1.0, 1e-9, 1e9], "f4")
    vectors = layer(coefficient).numpy()
    logarithm = np.log(np.clip(coefficient, 1e-2, 1e2))
    np.testing.assert_allclose(vectors[:, :3], logarithm[:, None] * layer.direction.numpy(), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(vectors[:, 3:], layer.rows.numpy()[[3, 4, 0, 7]])


def test_embedding_shares_tables_and_reads_unknown_ids_as_row_zero():
    features = small_features()
    layer = FeatureEmbedding(features.features, {"dim": 3, "dims": {"item": 5}, "numeric": "vector"})
    batch, _, _ = random_batch(features)
    batch = {**batch, "item": tf.constant([2, 999, -1], tf.int64), "price": tf.constant([1.0, 2.0, 3.0])}
    embedded = layer(batch)
    table = layer.tables["item"].numpy()
    np.testing.assert_array_equal(embedded["item"], table[[2, 0, 0]])
    np.testing.assert_array_equal(embedded["history_item"], table[batch["history_item"].numpy()])
    expected = np.array([[1], [2], [3]]) * layer.tables["price"].numpy() + layer.offsets["price"].numpy()
    np.testing.assert_allclose(embedded["price"], expected, rtol=1e-6)
    assert concatenate(embedded, (features["item"], features["price"])).shape == (3, 8)
    assert layer.widths((features["item"], features["price"])) == 8
    assert len(layer.row_tables()) == 6


def test_embedding_scalar_numbers_and_switches():
    features = small_features()
    batch, _, _ = random_batch(features)
    plain = FeatureEmbedding(features.features, {"dim": 3, "numeric": "scalar"})
    plain.build()
    assert (plain(batch)["price"].numpy() == 0).all()
    plain.tables["price"].assign([[2.0]])
    np.testing.assert_array_equal(plain(batch)["price"][:, 0], 2 * batch["price"])
    assert "price" not in plain.offsets
    dropped = FeatureEmbedding(features.features, {"dim": 3, "id_dropout": 0.99}, kept=("page",))
    embedded = dropped(batch, training=True)
    zero = dropped.tables["user"].numpy()[0]
    assert (embedded["user"].numpy() == zero).all(1).sum() >= 12
    np.testing.assert_array_equal(embedded["page"], tf.gather(dropped.tables["page"], batch["page"]))
    np.testing.assert_array_equal(dropped(batch)["user"], tf.gather(dropped.tables["user"], batch["user"]))


def test_embedding_penalty_is_that_of_the_rows_looked_up():
    features = small_features(history=False)
    layer = FeatureEmbedding([features["user"]], {"dim": 3, "l2": 0.5})
    layer({"user": tf.constant([4, 4, 7], tf.int64)}, training=True)
    squares = (layer.tables["user"].numpy() ** 2).sum(1)
    np.testing.assert_allclose(layer.losses, [0.5 * (2 * squares[4] + squares[7]) / 3], rtol=1e-5)


def test_embedding_refuses_widths_of_no_table():
    with pytest.raises(ValueError, match="names nothing, which is no such table"):
        FeatureEmbedding(small_features().features, {"dims": {"nothing": 3}})
