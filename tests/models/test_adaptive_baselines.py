"""Cross-stitch, MulANN, AdaSparse and AESM2 against their equations in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from scenerank.models.baselines.adasparse import AdaSparse, AdaSparseTraining
from scenerank.models.baselines.aesm2 import AESM2
from scenerank.models.baselines.cross_stitch import CrossStitch
from scenerank.models.baselines.mulann import MulANN
from scenerank.models.layers.cross_stitch import stitch_values
from scenerank.models.layers.gradient_reversal import ScenarioDiscriminator, reverse_gradient
from scenerank.models.layers.pruned_mlp import PrunedMLP
from scenerank.models.layers.scenario_routing import route
from scenerank.models.training import TrainingModel, training_model
from tests.models.conftest import random_batch, shake
from tests.models.numpy_layers import ORDER, mlp, relu, shared_experts, sigmoid, softmax, tower
from tests.models.test_sharing_baselines import (
    BATCH,
    EMBEDDING,
    FEATURES,
    SCENARIO,
    SCENARIOS,
    assert_logits,
    built,
    count,
    fields,
)


def domain(model):
    return fields(model, BATCH, "page", "theme")


def test_cross_stitch_mixes_all_networks_after_each_layer():
    model = built(CrossStitch, units=(6, 5))
    layer = model.networks
    states = [fields(model)] * SCENARIOS
    for kernel, bias, stitch in zip(layer.kernels, layer.biases, layer.stitches):
        own = [relu(states[s] @ kernel.numpy()[s] + bias.numpy()[s]) for s in range(SCENARIOS)]
        states = [sum(stitch.numpy()[s, t] * own[t] for t in range(SCENARIOS)) for s in range(SCENARIOS)]
    state = np.stack([states[s][row] for row, s in enumerate(SCENARIO)])
    kernel, bias = model.last.kernel.numpy()[SCENARIO], model.last.bias.numpy()[SCENARIO]
    assert_logits(model, np.einsum("bi,bio->bo", state, kernel) + bias)
    one = count(built(CrossStitch, units=(6,)))
    assert count(model) - one == SCENARIOS * (6 * 5 + 5 + 5 - 6) + SCENARIOS**2


def test_stitches_start_with_the_own_share():
    values = stitch_values(5, 0.9)
    np.testing.assert_allclose(values.sum(1), 1, rtol=1e-6)
    assert (np.diag(values)[1:] == np.float32(0.9)).all() and values[0, 0] == 0 and np.ptp(values[0, 1:]) == 0
    assert stitch_values(1, 0.9) == 1


def test_reversed_gradient():
    value = tf.constant([1.0, -2.0])
    with tf.GradientTape() as tape:
        tape.watch(value)
        outputs = reverse_gradient(value)
        loss = tf.reduce_sum(outputs * [3.0, 4.0])
    np.testing.assert_array_equal(outputs, value)
    np.testing.assert_array_equal(tape.gradient(loss, value), [-3.0, -4.0])


def test_discriminator_is_the_cross_entropy_of_known_scenarios():
    layer = ScenarioDiscriminator(4, "page", units=(6,))
    inputs, scenario = np.random.default_rng(0).normal(size=(8, 5)).astype("f4"), np.arange(8) % 4
    layer(inputs, tf.constant(scenario))
    shake(layer)
    logits = mlp(layer.hidden, inputs) @ layer.kernel.numpy().T + layer.bias.numpy()
    shares = softmax(logits[:, 1:])
    expected = [0 if s == 0 else -np.log(shares[row, s - 1]) for row, s in enumerate(scenario)]
    np.testing.assert_allclose(layer(inputs, tf.constant(scenario)), expected, rtol=1e-4, atol=1e-5)


def test_mulann_predicts_from_the_state_and_the_scenario():
    model = built(MulANN, bottom_units=(6,), tower_units=(5,))
    shared = [f.name for f in FEATURES.group(*(group for group in ORDER if group != "scenario"))]
    state = mlp(model.bottom, fields(model, BATCH, *shared))
    assert_logits(model, mlp(model.tower, np.concatenate([state, domain(model)], -1)))


def test_mulanns_state_learns_against_the_discriminator():
    training = training_model(built(MulANN, bottom_units=(6,), discriminator_units=(4,), discriminator_weight=0.5))
    shake(training)
    serving, layer = training.serving, training.discriminator
    bottom, top = serving.bottom.dense[0].kernel, layer.kernel
    with tf.GradientTape(persistent=True) as tape:
        reversed_loss = tf.reduce_sum(training.forward(BATCH).losses["discriminator"])
        state, _ = serving.state_and_logit(BATCH)
        hidden = tf.nn.relu(state @ layer.hidden.dense[0].kernel + layer.hidden.dense[0].bias)
        logits = hidden @ tf.transpose(layer.kernel) + layer.bias
        plain = tf.nn.sparse_softmax_cross_entropy_with_logits(SCENARIO - 1, logits[:, 1:])
        plain_loss = 0.5 * tf.reduce_sum(plain)
    np.testing.assert_allclose(reversed_loss, plain_loss, rtol=1e-5)
    np.testing.assert_allclose(tape.gradient(reversed_loss, bottom), -tape.gradient(plain_loss, bottom), atol=1e-5)
    np.testing.assert_allclose(tape.gradient(reversed_loss, top), tape.gradient(plain_loss, top), atol=1e-5)
    without = training_model(built(MulANN, bottom_units=(6,), discriminator_weight=0.0))
    assert type(without) is TrainingModel
    assert count(training) - count(training.serving) == 6 * 4 + 4 + SCENARIOS * (4 + 1)


@pytest.mark.parametrize("weighting", ["binarization", "scaling", "fusion"])
@pytest.mark.parametrize("step", [0, 50, 500])
def test_adasparse_weighs_and_prunes_by_the_scenario(weighting, step):
    model = built(AdaSparse, units=(16, 12), weighting=weighting, schedule_steps=100, epsilon=0.6)
    model.network.step.assign(step)
    hidden, alpha = fields(model), 0.1 + 4.9 * min(step / 100, 1)
    pruned = []
    for dense, pruner in zip(model.network.dense, model.network.pruners):
        logits = 4 * (domain(model) @ pruner.kernel.numpy() + pruner.bias.numpy())
        pruner.kernel.assign(4 * pruner.kernel)
        pruner.bias.assign(4 * pruner.bias)
        if weighting == "scaling":
            factor = 2 * sigmoid(logits)
        else:
            factor = sigmoid(alpha * logits) * (2 if weighting == "fusion" else 1)
            kept = factor > 0.6
            factor = np.where(kept, factor if weighting == "fusion" else 1, 0)
        pruned.append((factor == 0).mean(-1))
        hidden = relu(hidden @ dense.kernel.numpy() + dense.bias.numpy()) * factor
    assert_logits(model, hidden @ model.last.kernel.numpy() + model.last.bias.numpy())
    np.testing.assert_allclose(model.logit_and_pruned(BATCH)[1], np.stack(pruned, -1), atol=1e-6)
    assert (np.max(pruned) > 0) == (weighting != "scaling" and (step > 0 or weighting == "binarization"))


def test_pruned_neurons_are_exactly_zero():
    layer = PrunedMLP((8,), "fusion", epsilon=0.9, activation="linear")
    inputs = np.random.default_rng(0).normal(size=(20, 3)).astype("f4")
    layer(inputs, inputs)
    layer.step.assign(1e6)
    shake(layer)
    hidden, pruned = layer(inputs, inputs)
    zero = (hidden.numpy() == 0).mean(-1)
    assert 0 < zero.mean() < 1
    np.testing.assert_allclose(zero, pruned[:, 0], atol=1e-6)


def test_schedule_advances_in_training_only():
    model = built(AdaSparse, units=(6,))
    for _ in range(3):
        model(BATCH, training=False)
    assert model.network.step == 0
    training = training_model(model)
    training.compile(optimizer="sgd")
    batch = random_batch(FEATURES)
    training.test_step(batch)
    assert model.network.step == 0
    training.train_step(batch)
    assert model.network.step == 1


def test_sparsity_is_penalised_outside_its_range():
    training = training_model(built(AdaSparse, units=(4, 4), sparsity_weight=(0.1, 1.1), schedule_steps=10))
    training.serving.network.step.assign(5)
    pruned = tf.constant([[0.2, 0.25], [0.5, 0.2], [0.0, 1.0]])
    with tf.GradientTape() as tape:
        tape.watch(pruned)
        penalty = training.penalty(pruned)
    np.testing.assert_allclose(penalty, [0, 0.6 * 0.09 / 2, 0.6 * (0.04 + 0.64) / 2], rtol=1e-4)
    expected = [[0, 0], [0.6 * 0.3 / 2, 0], [-0.6 * 0.2 / 2, 0.6 * 0.8 / 2]]
    np.testing.assert_allclose(tape.gradient(penalty, pruned), expected, rtol=1e-4, atol=1e-6)
    assert isinstance(training, AdaSparseTraining)
    assert type(training_model(built(AdaSparse, weighting="scaling"))) is TrainingModel
    assert count(built(AdaSparse, units=(4, 3))) - count(built(AdaSparse, units=(4,))) == 4 * 3 + 3 + 8 * 3 + 3 - 1


def selected(layer, state, gate):
    """What a row mixes, by loops over rows and experts; and its losses."""
    outputs = shared_experts(layer.experts, state)
    rows, chosen, losses = [], [], []
    for row, s in enumerate(SCENARIO):
        gates = np.stack([gate[row] @ layer.gates.kernel.numpy()[t] for t in range(SCENARIOS)])
        q = np.exp(gates) / np.exp(gates).sum(0)
        one = np.eye(SCENARIOS)[s]
        specific = [np.sum(one[one > 0] * np.log(one[one > 0] / q[one > 0, e])) for e in range(layer.count)]
        shared = [np.sum(np.log(1 / SCENARIOS / q[:, e]) / SCENARIOS) for e in range(layer.count)]
        first, second = np.argsort(specific)[: layer.specific], np.argsort(shared)[: layer.shared]
        picked = sorted({*first, *second})
        rows.append(softmax(gates[s, picked]) @ outputs[row, picked])
        chosen.append([e in picked for e in range(layer.count)])
        losses.append((np.mean(np.array(specific)[first]), np.mean(np.array(shared)[second])))
    return np.stack(rows), np.array(chosen), np.array(losses)


def test_aesm2_selects_experts_by_divergence():
    sizes = {"experts": 5, "expert_units": (6, 4), "tower_units": (5,), "shared_experts": 2}
    model = built(AESM2, **sizes, layers=2, selection_weight=0.5)
    state, losses = fields(model), []
    for layer in model.selection:
        gate = np.concatenate([state, domain(model)], -1)
        given = layer(state, gate, route(tf.constant(SCENARIO), SCENARIOS))
        state, chosen, loss = selected(layer, state, gate)
        np.testing.assert_array_equal(given.chosen, chosen)
        assert set(chosen.sum(1)) <= {2, 3} and len({tuple(row) for row in chosen}) > 1
        losses.append(loss)
    assert_logits(model, tower(model.tower, state, SCENARIO))
    given = training_model(model).forward(BATCH, training=False).losses
    np.testing.assert_allclose(given["specific"], 0.5 * np.mean(losses, 0)[:, 0], rtol=1e-3)
    np.testing.assert_allclose(given["shared"], 0.5 * np.mean(losses, 0)[:, 1], rtol=1e-3, atol=1e-5)
    one = count(built(AESM2, **sizes, layers=1))
    assert count(model) - one == 5 * (4 * 6 + 6 + 6 * 4 + 4) + SCENARIOS * (4 + 8) * 5


def test_aesm2s_gates_are_noisy_in_training_only():
    model = built(AESM2, expert_units=(6,), noise=1.0)
    np.testing.assert_array_equal(model(BATCH), model(BATCH))
    assert np.abs(model(BATCH, training=True).numpy() - model(BATCH).numpy()).max() > 1e-3
    quiet = built(AESM2, expert_units=(6,), noise=0.0)
    np.testing.assert_allclose(quiet(BATCH, training=True), quiet(BATCH), rtol=1e-5)
    assert type(training_model(built(AESM2, selection_weight=0.0))) is TrainingModel


@pytest.mark.parametrize(
    ("cls", "wrong"),
    [
        (CrossStitch, {"units": ()}),
        (CrossStitch, {"own": 1.1}),
        (MulANN, {"discriminator_weight": -1}),
        (AdaSparse, {"weighting": "both"}),
        (AdaSparse, {"lowest_sparsity": 0.3}),
        (AdaSparse, {"epsilon": 0.0}),
        (AESM2, {"specific_experts": 5}),
        (AESM2, {"noise": -0.1}),
    ],
)
def test_settings_refuse_what_is_out_of_range(cls, wrong):
    with pytest.raises(ValueError):
        cls.settings_class.model_validate({**EMBEDDING, **wrong})
