"""Baselines whose parameters depend on the row, against NumPy, straight from their equations."""

import numpy as np
import pydantic
import pytest
import tensorflow as tf

from scenerank.models.baselines.adaptdhm import AdaptDHM
from scenerank.models.baselines.apg import APG
from scenerank.models.baselines.pepnet import PEPNet
from scenerank.models.baselines.revman import RevMan
from tests.models.conftest import random_batch, shake, small_features
from tests.models.numpy_layers import dense, embedded, joined, relu, sigmoid, softmax

D, ROWS = 4, 12
FEATURES = small_features()
BATCH, _, _ = random_batch(FEATURES, ROWS)
SCENARIO = BATCH["page"].numpy()
BASE = {"embedding": {"dim": D}}


def built(model_class, **settings):
    model = model_class(FEATURES, {**BASE, **settings})
    model.build_weights()
    shake(model)
    return model


def columns(embedding, *names):
    """Vectors of the named features (all, without names), from the tables of a `FieldEmbedding` alone."""
    return joined(embedded(embedding.embedding, FEATURES, BATCH), *names)


def check(model, expected):
    np.testing.assert_allclose(model(BATCH), expected, rtol=1e-4, atol=1e-4)


def gate(unit, x):
    return unit.scale * sigmoid(dense(unit.last, dense(unit.hidden, x, relu)))


@pytest.mark.parametrize("embedding_gate", [True, False])
@pytest.mark.parametrize("parameter_gate", [True, False])
def test_pepnet_scales_inputs_and_hidden_units(embedding_gate, parameter_gate):
    model = built(PEPNet, units=(6, 5), gate_units=3, embedding_gate=embedding_gate, parameter_gate=parameter_gate)
    hidden = columns(model.fields)
    if embedding_gate:
        hidden = hidden * gate(
            model.embedding_gate, np.concatenate([columns(model.fields, "page", "theme"), hidden], 1)
        )
    prior = np.concatenate([columns(model.fields, "user", "item"), hidden], 1)
    for i, layer in enumerate(model.dense):
        hidden = dense(layer, hidden, relu)
        if parameter_gate:
            hidden = hidden * gate(model.parameter_gates[i], prior)
    check(model, dense(model.head, hidden)[:, 0])


def test_pepnet_gates_cost_what_they_hold():
    def count(*gates):
        sizes = {"units": (6, 5), "gate_units": 3}
        return built(PEPNet, **sizes, embedding_gate=gates[0], parameter_gate=gates[1]).count_params()

    width = columns(built(PEPNet).fields).shape[1]
    assert count(True, True) - count(False, True) == (width + 2 * D) * 3 + 3 + 3 * width + width
    assert count(True, True) - count(True, False) == sum((width + 2 * D) * 3 + 3 + 3 * n + n for n in (6, 5))


def test_pepnet_gates_hold_the_fields_fixed_and_every_embedding_learns():
    model = built(PEPNet, units=(6, 5), gate_units=3)
    tables = {name: table for name, table in model.fields.embedding.tables.items() if table.shape[0] > 1}
    with tf.GradientTape() as tape:
        logit = tf.reduce_sum(model(BATCH, training=True))
    gradients = dict(zip(tables, tape.gradient(logit, list(tables.values()))))
    assert all(np.abs(gradient.values).max() > 0 for gradient in gradients.values())
    model.dense[0].kernel.assign(tf.zeros_like(model.dense[0].kernel))  # leaves the parameter gates as the only path
    with tf.GradientTape() as tape:
        logit = tf.reduce_sum(model(BATCH, training=True))
    gradients = dict(zip(tables, tape.gradient(logit, list(tables.values()))))
    learn = {name for name, gradient in gradients.items() if np.abs(gradient.values).max() > 0}
    assert learn == {"user", "item"}


def test_revman_attends_to_experts_by_scenario_and_item():
    model = built(RevMan, experts=3, expert_units=(6, 5), attention_units=4, tower_units=(3,))
    x, (first, second), biases = columns(model.embedding), model.experts.kernels, model.experts.hidden_biases
    outputs = [
        relu(relu(x @ first.numpy()[e] + biases[0].numpy()[e]) @ second.numpy()[e] + biases[1].numpy()[e])
        for e in range(3)
    ]
    query = dense(model.query, columns(model.embedding, "page", "theme", "item", "price"))
    scores = np.stack([(query * dense(model.key, output)).sum(-1) for output in outputs], 1) / 2
    shares = softmax(scores)
    state = sum(shares[:, e, None] * outputs[e] for e in range(3))
    hidden, output = (layer.weights for layer in (model.tower.dense[0], model.tower.last))
    expected = [
        relu(row @ hidden[0].numpy()[s] + hidden[1].numpy()[s]) @ output[0].numpy()[s] + output[1].numpy()[s]
        for row, s in zip(state, SCENARIO)
    ]
    check(model, np.array(expected)[:, 0])


def test_adaptdhm_takes_the_nearest_centres_network():
    model = built(AdaptDHM, units=(6, 5))
    hidden = columns(model.fields)
    centres = hidden[[1, 4, 9]] + 0.01
    model.centres.prototypes.assign(centres)
    cluster = ((hidden[:, None] - centres) ** 2).sum(-1).argmin(1)
    assert len(set(cluster)) == 3
    for i, layer in enumerate(model.layers_of_clusters):
        kernels = layer.shared_kernel.numpy() * layer.kernel.numpy()
        biases = layer.shared_bias.numpy() + layer.bias.numpy()
        hidden = np.stack([row @ kernels[k] + biases[k] for row, k in zip(hidden, cluster)])
        hidden = relu(hidden) if i < 2 else hidden
    check(model, hidden[:, 0])


def test_adaptdhm_centres_follow_their_samples_in_training_alone():
    model = built(AdaptDHM, units=(6,), clusters=4, rate=0.25)
    samples = columns(model.fields)
    centres = np.concatenate([samples[[1, 4, 9]] + 0.01, np.full((1, samples.shape[1]), 99.0)])
    model.centres.prototypes.assign(centres)
    model(BATCH)
    np.testing.assert_array_equal(model.centres.prototypes, centres.astype("f4"))
    model(BATCH, training=True)
    cluster = ((samples[:, None] - centres) ** 2).sum(-1).argmin(1)
    for k in range(3):
        centres[k] = 0.75 * centres[k] + 0.25 * samples[cluster == k].mean(0)
    np.testing.assert_allclose(model.centres.prototypes, centres, rtol=1e-4, atol=1e-5)
    assert model.centres.prototypes.ref() in {weight.ref() for weight in model.non_trainable_weights}


def test_adaptdhm_clusters_cost_their_own_weights():
    width = columns(built(AdaptDHM).fields).shape[1]
    counts = [built(AdaptDHM, units=(6,), clusters=k).count_params() for k in (2, 3)]
    assert counts[1] - counts[0] == width + (width * 6 + 6) + (6 + 1)


@pytest.mark.parametrize("inner", [None, 5])
def test_apg_generates_small_matrices_by_scenario(inner):
    model = built(APG, units=(6, 5), rank=2, over_parameterization=inner, generator_units=(3,))
    table = model.fields.embedding.tables["page"].numpy()
    hidden = columns(model.fields)
    first, last = model.generator.dense
    generated = dense(last, dense(first, table[SCENARIO], relu))

    def product(layer):
        matrices = [factor.numpy() for factor in layer.factors]
        return matrices[0] if inner is None else matrices[0] @ matrices[1]

    for i in range(2):
        part = generated[:, 6 * i : 6 * i + 6]
        small = np.einsum("bi,bio->bo", hidden @ product(model.down[i]), part[:, :4].reshape(-1, 2, 2)) + part[:, 4:]
        hidden = relu(small @ product(model.up[i]) + model.biases[i].numpy())
    check(model, dense(model.head, hidden)[:, 0])


def test_apg_parameters():
    width = columns(built(APG).fields).shape[1]
    plain, over = (
        built(APG, units=(6,), rank=2, over_parameterization=p, generator_units=()).count_params() for p in (None, 5)
    )
    assert over - plain == (width * 5 + 5 * 2 - width * 2) + (2 * 5 + 5 * 6 - 2 * 6)


@pytest.mark.parametrize(
    ("model_class", "wrong", "message"),
    [
        (PEPNet, {"gate_units": 0}, "gate_units"),
        (RevMan, {"experts": 0}, "experts"),
        (RevMan, {"expert_units": ()}, "expert_units"),
        (AdaptDHM, {"clusters": 0}, "clusters"),
        (AdaptDHM, {"rate": 0}, "rate"),
        (APG, {"rank": 8, "over_parameterization": 4}, "below rank"),
        (APG, {"normalize": True}, "not normalised"),
    ],
)
def test_wrong_settings_are_refused(model_class, wrong, message):
    with pytest.raises(pydantic.ValidationError, match=message):
        model_class.settings_class.model_validate(wrong)
