"""SFPNet's equations against NumPy on padded arrays, and its switches."""

import numpy as np
import pytest
import tensorflow as tf

from scenerank.models.layers.gate_unit import GateUnit
from scenerank.models.layers.gated_mlp import GatedMLP
from scenerank.models.layers.packing import packed_moments
from scenerank.models.layers.scenario_tailoring import ScenarioTailoring
from scenerank.models.sfpnet import SFPNet, SFPNetSettings
from tests.models.conftest import random_batch, shake, small_features
from tests.models.test_attention import psi, softmax

FEATURES = small_features()
D, GATE, CONTEXT, FIELDS, SCENARIO = 4, 5, 6, 5, 2 * 4
SMALL = {
    "embedding": {"dim": D},
    "units": [7, 3],
    "gate_units": GATE,
    "context_units": CONTEXT,
    "attention_units": [6],
    "blocks": 2,
}
ROWS = np.array([0, 0, 0, 2, 3, 3])
RANDOM = np.random.default_rng(0)
SIZE = tf.constant(4, tf.int64)


def normal(*shape):
    return RANDOM.normal(size=shape).astype("f4")


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def dense(layer, x):
    return x @ layer.kernel.numpy() + layer.bias.numpy()


def gate_of(unit, x):
    """Eqs. 3 and 10."""
    hidden = np.maximum(dense(unit.hidden, x), 0)
    if unit.norm is not None:
        centred = hidden - hidden.mean(-1, keepdims=True)
        hidden = centred / np.sqrt(hidden.var(-1, keepdims=True) + 1e-5)
        hidden = hidden * unit.norm.gamma.numpy() + unit.norm.beta.numpy()
    return unit.scale * sigmoid(dense(unit.last, hidden))


def pooled_of(behaviors, rows, size, deviation):
    """Eq. 2."""
    parts = np.zeros((size, 2, behaviors.shape[1]), "f4")
    for row in set(rows):
        own = behaviors[rows == row]
        mean = own.sum(0) / len(own)
        parts[row] = mean, np.sqrt(np.maximum((own**2).sum(0) / len(own) - mean**2, 0))
    return parts.reshape(size, -1) if deviation else parts[:, 0]


def block_of(block, fields, scenario, behaviors, rows):
    """Eqs. 2-7."""
    options, size = block.given, len(fields)
    flat = fields.reshape(size, -1)
    pooled = pooled_of(behaviors, rows, size, options["deviation"])
    seen = np.concatenate([flat, pooled], 1)
    gate = gate_of(block.gate, np.concatenate([seen, scenario], 1)) if options["gate"] else 1
    if not options["residual"]:
        return (flat * gate).reshape(fields.shape), behaviors
    tailor = block.residual
    cross = dense(tailor.context, np.maximum(dense(tailor.aggregate, seen * gate), 0))
    width, outputs = fields.shape[2], np.empty_like(fields)
    for i in range(fields.shape[1]):
        kernel, bias = tailor.kernel.numpy()[i], tailor.bias.numpy()[i]
        inner = fields[:, i] @ kernel + bias
        c = cross[:, i * width : (i + 1) * width]
        outputs[:, i] = np.maximum(inner[:, :width], 0) + sigmoid(inner[:, width:]) * c
    c = cross[:, flat.shape[1] :]
    if options["deviation"]:
        c = dense(tailor.narrow, c)
    inner = dense(tailor.of_behavior, behaviors)
    return outputs, np.maximum(inner[:, :width], 0) + sigmoid(inner[:, width:]) * c[rows]


def prediction_of(layer, hidden, scenario):
    """Eqs. 9-11."""
    for gate, following in zip(layer.gates, layer.dense):
        share = gate_of(gate, np.concatenate([hidden, scenario], 1))
        hidden = np.maximum(dense(following, hidden * share), 0)
    return dense(layer.last, hidden)


def count(model):
    return sum(int(np.prod(w.shape)) for w in model.trainable_weights)


def build(features=FEATURES, **settings):
    model = SFPNet(features, {**SMALL, **settings})
    model.build_weights()
    return model


def test_pooling_is_the_mean_and_the_deviation_of_real_behaviors():
    behaviors = normal(6, 3)
    mean, deviation = packed_moments(behaviors, ROWS, SIZE)
    expected = pooled_of(behaviors, ROWS, 4, True)
    np.testing.assert_allclose(np.concatenate([mean, deviation], 1), expected, rtol=1e-4, atol=1e-5)
    assert not mean[1].numpy().any() and not deviation[1].numpy().any() and not deviation[2].numpy().any()


def test_pooling_has_finite_gradients_where_nothing_varies():
    behaviors = tf.constant([[1e3], [1e3], [1e3], [5.0], [0.0], [1e-4]])
    with tf.GradientTape() as tape:
        tape.watch(behaviors)
        total = tf.reduce_sum(packed_moments(behaviors, ROWS, SIZE)[1])
    gradient = tape.gradient(total, behaviors).numpy()
    np.testing.assert_allclose(gradient[:, 0], [0, 0, 0, 0, -0.5, 0.5], atol=1e-3)


@pytest.mark.parametrize(("scale", "normalize"), [(1.0, True), (2.0, False)])
def test_gate_unit(scale, normalize):
    unit, inputs = GateUnit(3, 5, scale=scale, normalize=normalize), normal(4, 6)
    unit(inputs)
    shake(unit)
    np.testing.assert_allclose(unit(inputs), gate_of(unit, inputs), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("deviation", [True, False])
@pytest.mark.parametrize(("gate", "residual"), [(True, True), (True, False), (False, True)])
def test_block(deviation, gate, residual):
    block = ScenarioTailoring(
        D, GATE, context_units=CONTEXT, history=True, deviation=deviation, gate=gate, residual=residual
    )
    fields, scenario, behaviors = normal(4, 3, D), normal(4, 2), normal(6, D)
    block(fields, scenario, behaviors, ROWS, SIZE)
    shake(block)
    outputs = block(fields, scenario, behaviors, ROWS, SIZE)
    for output, expected in zip(outputs, block_of(block, fields, scenario, behaviors, ROWS)):
        np.testing.assert_allclose(output, expected, rtol=1e-4, atol=1e-5)


def test_prediction_gates_the_input_of_every_layer():
    layer, inputs, scenario = GatedMLP((7, 3), GATE), normal(4, 6), normal(4, 2)
    layer(inputs, scenario)
    shake(layer)
    np.testing.assert_allclose(layer(inputs, scenario), prediction_of(layer, inputs, scenario), rtol=1e-4, atol=1e-5)


def test_whole_model():
    model = build()
    shake(model)
    batch, _, _ = random_batch(FEATURES)
    embedded = {key: value.numpy() for key, value in model.embedding(batch).items()}
    packed, vectors = model.embedding.behaviors(batch)
    rows, names = packed.rows.numpy(), ("user", "city", "item", "price", "rate")
    behaviors = dense(model.behavior, np.concatenate([v.numpy() for v in vectors.values()], 1))
    fields = np.stack([embedded[name] for name in names], 1)
    scenario = np.concatenate([embedded["page"], embedded["theme"]], 1)
    for block in model.blocks:
        fields, behaviors = block_of(block, fields, scenario, behaviors, rows)
    query = dense(model.query, fields[:, 2:4].reshape(16, -1))
    interest = np.zeros((16, D))
    for row in set(rows):
        own = behaviors[rows == row]
        interest[row] = softmax(psi(model.attention.unit, own, query[row])) @ own
    hidden = np.concatenate([fields.reshape(16, -1), interest], 1)
    expected = prediction_of(model.prediction, hidden, scenario)[:, 0]
    np.testing.assert_allclose(model(batch), expected, rtol=1e-3, atol=1e-5)


def gate_size(inputs, outputs):
    return inputs * GATE + GATE + 2 * GATE + GATE * outputs + outputs


CROSS = (FIELDS + 2) * D  # width of fields and pooled behaviors
PER_FIELD = 2 * (D * D + D)


def residual_size(context, narrow):
    tailored = (FIELDS + 1) * PER_FIELD + (2 * D * D + D if narrow else 0)
    return tailored + (context + 1) * CONTEXT + (CONTEXT + 1) * context


def test_ablations_take_their_parameters_away():
    full = count(build())
    gate, residual = gate_size(CROSS + SCENARIO, CROSS), residual_size(CROSS, True)
    assert full - count(build(blocks=1)) == gate + residual
    assert full - count(build(blocks=0)) == 2 * (gate + residual)
    assert full - count(build(gate=False)) == 2 * gate
    gate_of_fields = gate_size(CROSS + SCENARIO, FIELDS * D)
    assert full - count(build(residual=False)) == 2 * (residual + gate - gate_of_fields)
    narrow_gate = gate_size(CROSS - D + SCENARIO, CROSS - D)
    assert full - count(build(deviation=False)) == 2 * (residual + gate - narrow_gate - residual_size(CROSS - D, False))
    hidden = (FIELDS + 1) * D
    gates = gate_size(hidden + SCENARIO, hidden) + gate_size(7 + SCENARIO, 7)
    assert full - count(build(gated_prediction=False)) == gates - SCENARIO * 7


def test_every_ablation_answers():
    for settings in ({"blocks": 0}, {"gate": False}, {"residual": False}, {"deviation": False}):
        for prediction in (True, False):
            for features in (FEATURES, small_features(history=False)):
                model = build(features, gated_prediction=prediction, **settings)
                assert np.isfinite(model(random_batch(features)[0], training=True)).all()


def test_defaults_are_the_papers():
    settings = SFPNetSettings()
    assert settings.embedding.dim == 40 and settings.blocks == 3 and settings.units == (256, 128, 64)
    assert SFPNetSettings.model_validate({"embedding": {"l2": 0.1}}).embedding.dim == 40


def test_settings_refuse():
    for wrong in ({"blocks": -1}, {"units": []}, {"units": [0]}, {"gate_units": 0}, {"attention_units": []}):
        with pytest.raises(ValueError):
            SFPNetSettings.model_validate(wrong)
    with pytest.raises(ValueError, match="set blocks to 0"):
        SFPNetSettings(gate=False, residual=False)
    with pytest.raises(ValueError, match="one width for all features"):
        SFPNet(FEATURES, {"embedding": {"dims": {"item": 8}}})
