"""psi, the softmaxes and Eqs. 4-7 against NumPy on padded arrays."""

import numpy as np
import pytest
import tensorflow as tf

from scenerank.models.layers.attention import ActivationUnit
from scenerank.models.layers.behavior_extract import CrossScenarioBehaviorExtract
from scenerank.models.layers.packing import pack, packed_mean_weights, packed_softmax, packed_sum
from scenerank.models.layers.target_attention import TargetAttention
from tests.models.conftest import shake


def psi(unit, x, y, context=None):
    """The unit as the paper writes it: an MLP over the concatenation."""
    parts = [x, np.broadcast_to(y, x.shape), x - y, x * y] + ([] if context is None else [context])
    hidden = np.concatenate(parts, -1) @ unit.kernel.numpy() + unit.bias.numpy()
    for layer in [*unit.rest, unit.score]:
        kernel, *bias = layer.get_weights()  # the last has none
        hidden = np.maximum(hidden, 0) @ kernel + sum(bias)
    return hidden[..., 0]


def softmax(scores):
    exponents = np.exp(scores - scores.max())
    return exponents / exponents.sum()


@pytest.mark.parametrize("units", [(5,), (6, 4), (8, 4, 3)])
@pytest.mark.parametrize("context_width", [0, 2])
def test_activation_unit_equals_the_mlp_over_the_concatenation(units, context_width):
    random = np.random.default_rng(0)
    unit = ActivationUnit(3, context_width, units=units)
    keys = random.normal(size=(7, 3)).astype("f4")
    query = random.normal(size=(4, 3)).astype("f4")
    rows = np.array([0, 0, 1, 1, 1, 3, 3])
    context = random.normal(size=(7, context_width)).astype("f4") if context_width else None
    unit(keys, query, rows, context)
    shake(unit)
    expected = psi(unit, keys, query[rows], context)
    np.testing.assert_allclose(unit(keys, query, rows, context), expected, rtol=1e-4, atol=1e-5)


def test_activation_unit_without_hidden_layers_is_refused():
    with pytest.raises(ValueError, match="at least one hidden layer"):
        ActivationUnit(3, units=())


def test_pack_keeps_real_positions_in_order():
    packed = pack({"a": tf.constant([[1, 2, 9], [9, 9, 9], [3, 9, 9]])}, tf.constant([2, 0, 1]))
    assert packed.features["a"].numpy().tolist() == [1, 2, 3]
    assert packed.rows.numpy().tolist() == [0, 0, 2]
    assert packed.size.numpy() == 3


def test_packed_softmax_survives_large_scores_and_empty_rows():
    rows, size = tf.constant([0, 0, 2], tf.int64), tf.constant(3, tf.int64)
    weights = packed_softmax(tf.constant([1e5, 1e5 - 1, -1e30]), rows, size)
    np.testing.assert_allclose(weights, [1 / (1 + np.exp(-1)), 1 / (1 + np.e), 1], rtol=1e-5)
    np.testing.assert_allclose(packed_mean_weights(tf.zeros(3), rows, size), [0.5, 0.5, 1])
    total = packed_sum(tf.ones((3, 2)), weights, rows, size).numpy()
    np.testing.assert_allclose(total, [[1, 1], [0, 0], [1, 1]], rtol=1e-5)


def test_packed_softmax_of_nothing():
    empty, size = tf.zeros((0,)), tf.constant(2, tf.int64)
    rows = tf.zeros((0,), tf.int64)
    with tf.GradientTape() as tape:
        tape.watch(empty)
        total = packed_sum(tf.zeros((0, 3)), packed_softmax(empty, rows, size), rows, size)
    assert total.numpy().tolist() == [[0, 0, 0], [0, 0, 0]]
    assert tape.gradient(total, empty).shape == (0,)


@pytest.mark.parametrize("renormalize", [False, True])
@pytest.mark.parametrize("attention", ["none", "target", "scenario", "concatenated", "hierarchical", "full"])
def test_extract_equals_the_equations(attention, renormalize):
    random = np.random.default_rng(1)
    lengths = np.array([3, 0, 5, 1])
    rows = np.repeat(np.arange(4), lengths)
    keys = {"item": random.normal(size=(9, 4)), "scenario": random.normal(size=(9, 2))}
    query = {"item": random.normal(size=(4, 4)), "scenario": random.normal(size=(4, 2))}
    for part in (keys, query):
        part.update({k: v.astype("f4") for k, v in part.items()})
        part["both"] = np.concatenate([part["item"], part["scenario"]], -1)
    layer = CrossScenarioBehaviorExtract(
        4, 2, context_width=0, attention=attention, renormalize=renormalize, units=(6, 3)
    )
    arguments = (
        keys["item"],
        keys["item"],
        keys["scenario"],
        query["item"],
        query["scenario"],
        rows,
        tf.constant(4, tf.int64),
    )
    layer(*arguments)
    shake(layer)
    interest, weights = layer(*arguments)

    softmaxes = {
        "none": [],
        "target": ["item"],
        "scenario": ["scenario"],
        "concatenated": ["both"],
        "hierarchical": ["both", "scenario"],
        "full": ["item", "scenario"],
    }[attention]
    expected = np.zeros((4, 4))
    for row in range(4):
        own = rows == row
        if not own.any():
            continue
        alpha = np.ones(own.sum()) / (own.sum() if attention == "none" else 1)
        for part in softmaxes:
            alpha = alpha * softmax(psi(layer.scores[part], keys[part][own], query[part][row]))
        if renormalize:
            alpha = alpha / alpha.sum()
        np.testing.assert_allclose(weights[own], alpha, rtol=1e-4)
        expected[row] = alpha @ keys["item"][own]
    np.testing.assert_allclose(interest, expected, rtol=1e-4, atol=1e-6)


def test_full_attention_weights_sum_to_at_most_one():
    random = np.random.default_rng(2)
    rows = tf.repeat(tf.range(3, dtype=tf.int64), 4)
    layer = CrossScenarioBehaviorExtract(4, 2)
    inputs = [random.normal(size=s).astype("f4") for s in ((12, 4), (12, 4), (12, 2), (3, 4), (3, 2))]
    _, weights = layer(*inputs, rows, tf.constant(3, tf.int64))
    sums = tf.math.unsorted_segment_sum(weights, rows, 3).numpy()
    assert (sums > 0).all() and (sums <= 1 + 1e-6).all()


@pytest.mark.parametrize("softmaxed", [True, False])
def test_target_attention_weighs_each_behavior_against_the_target(softmaxed):
    random = np.random.default_rng(3)
    rows, size = np.array([0, 0, 2, 2, 2]), tf.constant(3, tf.int64)
    keys, values, query = (random.normal(size=s).astype("f4") for s in ((5, 3), (5, 2), (3, 3)))
    layer = TargetAttention(3, units=(6, 4), softmax=softmaxed)
    layer(keys, query, rows, size)
    shake(layer)
    sums, weights = layer(keys, query, rows, size, values=values)
    for row in range(3):
        own = rows == row
        scores = psi(layer.unit, keys[own], query[row])
        expected = softmax(scores) if softmaxed and own.any() else scores
        np.testing.assert_allclose(weights[own], expected, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(sums[row], expected @ values[own], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(layer(keys, query, rows, size)[0], weights[None] * (rows == np.c_[:3]) @ keys, rtol=1e-4)
