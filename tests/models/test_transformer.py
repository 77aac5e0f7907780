"""Self-attention and the Transformer's encoder against NumPy, a history at a time."""

import numpy as np
import tensorflow as tf

from scenerank.models.layers.padding import places
from scenerank.models.layers.self_attention import SelfAttention
from scenerank.models.layers.transformer import TransformerEncoder
from tests.models.conftest import shake
from tests.models.numpy_layers import dense, relu, softmax

RANDOM = np.random.default_rng(0)
ROWS, SIZE = np.array([0, 0, 2, 2, 2]), tf.constant(4, tf.int64)
INPUTS = RANDOM.normal(size=(5, 3)).astype("f4")


def attended(layer, history):
    """`[T, D]` of one history."""
    query, key, value = np.split(history @ layer.project.kernel.numpy(), 3, axis=1)
    heads = []
    for h in range(layer.heads):
        own = slice(h * layer.head_width, (h + 1) * layer.head_width)
        weights = softmax(query[:, own] @ key[:, own].T / np.sqrt(layer.head_width))
        heads.append(weights @ value[:, own])
    return np.concatenate(heads, 1) @ layer.merge.kernel.numpy()


def normalised(layer, x):
    mean, deviation = x.mean(1, keepdims=True), np.sqrt(x.var(1, keepdims=True) + layer.epsilon)
    return (x - mean) / deviation * layer.gamma.numpy() + layer.beta.numpy()


def test_places_lay_behaviors_out_by_row():
    where = places(INPUTS, ROWS, SIZE)
    np.testing.assert_array_equal(where.mask, [[1, 1, 0], [0, 0, 0], [1, 1, 1], [0, 0, 0]])
    np.testing.assert_array_equal(where.recency, [1, 0, 2, 1, 0])
    padded = where.pad(INPUTS).numpy()
    np.testing.assert_array_equal(padded[0], [INPUTS[0], INPUTS[1], np.zeros(3)])
    np.testing.assert_array_equal(padded[2], INPUTS[2:])
    np.testing.assert_array_equal(where.unpad(padded), INPUTS)
    nothing = places(INPUTS[:0], ROWS[:0], SIZE)
    assert nothing.mask.shape == (4, 1) and nothing.unpad(nothing.pad(INPUTS[:0])).shape == (0, 3)


def test_self_attention_of_packed_and_of_full_rows():
    layer = SelfAttention(2, 4)
    layer(INPUTS, places(INPUTS, ROWS, SIZE))
    shake(layer)
    outputs = layer(INPUTS, places(INPUTS, ROWS, SIZE))
    for row in (0, 2):
        np.testing.assert_allclose(outputs[row == ROWS], attended(layer, INPUTS[row == ROWS]), rtol=1e-4, atol=1e-5)
    full = RANDOM.normal(size=(2, 4, 3)).astype("f4")
    np.testing.assert_allclose(layer(full), [attended(layer, x) for x in full], rtol=1e-4, atol=1e-5)


def test_encoder_is_two_layers_over_behaviors_and_positions():
    encoder = TransformerEncoder(2, 2, heads=2, head_width=4, units=6)
    encoder(INPUTS, ROWS, SIZE)
    shake(encoder)
    outputs = encoder(INPUTS, ROWS, SIZE)
    for row, positions in ((0, [1, 0]), (2, [1, 1, 0])):  # the table knows two positions
        state = INPUTS[row == ROWS] + encoder.positions.numpy()[positions]
        for layer in encoder.layers:
            state = normalised(layer.attention_norm, state + attended(layer.attention, state))
            state = normalised(layer.norm, state + dense(layer.output_dense, dense(layer.hidden, state, relu)))
        np.testing.assert_allclose(outputs[row == ROWS], state, rtol=1e-3, atol=1e-4)
