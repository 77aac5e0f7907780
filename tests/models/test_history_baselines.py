"""Baselines that read the history in their own way, against NumPy, straight from their equations."""

import dataclasses
import itertools

import numpy as np
import pydantic
import pytest

from scenerank.models.baselines.dffm import DFFM
from scenerank.models.baselines.repeatnet import RepeatNet
from tests.models.conftest import random_batch, shake, small_features
from tests.models.numpy_layers import dense, mlp, relu, sigmoid, softmax

D, ROWS = 4, 12
FEATURES = small_features()
BATCH = {key: value.numpy() for key, value in random_batch(FEATURES, ROWS, seed=3)[0].items()}
LENGTHS = BATCH["history_length"]
PAST = ("history_item", "history_price", "history_page", "history_theme", "history_type")
PROFILE = ("user", "city", "item", "price", "page", "theme", "rate")


def built(model_class, **settings):
    model = model_class(FEATURES, {"embedding": {"dim": D}, "units": (6, 5), **settings})
    model.build_weights()
    shake(model)
    return model


def vector(embedding, name, row, at=None):
    """The feature's vector, from its table: of the target, or of a behavior."""
    feature = FEATURES[name]
    value = BATCH[name][row] if at is None else BATCH[name][row, at]
    table = embedding.tables[feature.table].numpy()
    if feature.categorical:
        return table[value]
    offset = embedding.offsets[feature.table].numpy() if embedding.offsets else 0
    return table[0] * value + offset


def domain(network, x, scenario):
    for layer in network.dense:
        x = np.tanh(x @ (np.eye(D) + layer.kernel.numpy()[scenario]) + layer.bias.numpy()[scenario])
    return x


def check(model, expected):
    np.testing.assert_allclose(model(BATCH), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("interaction", [True, False])
@pytest.mark.parametrize("behavior", [True, False])
def test_dffm_lets_the_domain_take_part(interaction, behavior):
    model = built(DFFM, feature_interaction=interaction, user_behavior=behavior)
    embedding, signals = model.fields.embedding, []
    for row in range(ROWS):
        s, n = BATCH["page"][row], LENGTHS[row]
        fields = [vector(embedding, name, row) for name in PROFILE]
        past = np.array([[vector(embedding, name, row, at) for name in PAST] for at in range(n)]).reshape(n, 5, D)
        weights = np.full(n, 1 / max(n, 1))
        if behavior:
            of_query, of_key, of_value = model.attention
            query = np.concatenate([domain(of_query, vector(embedding, name, row), s) for name in ("item", "price")])
            keys = np.array([np.concatenate([domain(of_key, x, s) for x in one[:2]]) for one in past])
            weights = softmax(keys @ query / np.sqrt(2 * D)) if n else weights
            past = domain(of_value, past, s)
        fields += list(np.einsum("n,nfd->fd", weights, past))
        crossed = [domain(model.domain, x, s) for x in fields] if interaction else fields
        signals.append([*np.concatenate(fields), *(a @ b for a, b in itertools.combinations(crossed, 2))])
    check(model, mlp(model.deep, np.array(signals))[:, 0])


def test_dffm_domain_networks_and_their_parameters():
    full, plain, averaged = (
        built(DFFM, **off).count_params() for off in ({}, {"feature_interaction": False}, {"user_behavior": False})
    )
    network = 5 * 2 * (D * D + D)  # scenarios, layers
    assert full - plain == network and full - averaged == 3 * network
    model = DFFM(FEATURES, {"embedding": {"dim": D}, "domain_activation": "linear"})
    model.build_weights()
    x = np.random.default_rng(0).normal(size=(3, D))
    np.testing.assert_array_equal(x @ model.domain.dense[0].kernel_of([1])[0].numpy(), x)


def gru(cell, x, h):
    width = h.shape[-1]
    kernel, recurrent, (of_input, of_state) = (weight.numpy() for weight in cell.weights)
    inputs, states = x @ kernel + of_input, h @ recurrent + of_state
    update, reset = (sigmoid(inputs[i * width :][:width] + states[i * width :][:width]) for i in range(2))
    candidate = np.tanh(inputs[2 * width :] + reset * states[2 * width :])
    return update * h + (1 - update) * candidate


def attend(layer, states, last):
    hidden = np.tanh(dense(layer.of_last, last) + dense(layer.of_state, states))
    return softmax(dense(layer.score, hidden)[:, 0])


def test_repeatnet_repeats_or_explores():
    model = built(RepeatNet, hidden=3)
    embedding, expected, met = model.fields.embedding, [], 0
    kernels, biases = [k.numpy() for k in model.scores.kernels], [b.numpy() for b in model.scores.hidden_biases]
    for row in range(ROWS):
        item, last, states = BATCH["item"][row], np.zeros(3), np.zeros((0, 3))
        for at in range(LENGTHS[row]):
            last = gru(model.encoder.cell, np.concatenate([vector(embedding, name, row, at) for name in PAST]), last)
            states = np.vstack([states, last])
        explored, again, mass, repeated = np.zeros(3), 0.5, 0.0, False
        if len(states):
            explored = attend(model.explore_attention, states, last) @ states
            again = sigmoid(dense(model.mode, attend(model.mode_attention, states, last) @ states)[0])
            same = BATCH["history_item"][row, : len(states)] == item
            repeated = item > 0 and same.any()
            mass = attend(model.repeat_attention, states, last)[same].sum() if repeated else 0.0
        profile = [vector(embedding, name, row) for name in PROFILE]
        x, e = np.concatenate([*profile, [mass], last, explored]), int(not repeated)
        for kernel, bias in zip(kernels, biases):
            x = relu(x @ kernel[e] + bias[e])
        score = x @ kernels[-1][e, :, 0] + model.scores.bias.numpy()[e, 0]
        expected.append((again if repeated else 1 - again) * score + model.bias.numpy()[0])
        met += repeated
    assert 0 < met < ROWS
    check(model, np.array(expected))


def test_repeatnet_needs_past_items():
    features = tuple(f for f in FEATURES.features if f.name != "history_item")
    with pytest.raises(ValueError, match="'item'"):
        RepeatNet(dataclasses.replace(FEATURES, features=features))


@pytest.mark.parametrize(
    ("model_class", "wrong"), [(DFFM, {"domain_layers": 0}), (DFFM, {"units": ()}), (RepeatNet, {"hidden": 0})]
)
def test_wrong_settings_are_refused(model_class, wrong):
    with pytest.raises(pydantic.ValidationError, match=next(iter(wrong))):
        model_class.settings_class.model_validate(wrong)
