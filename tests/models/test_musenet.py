"""MuseNet's equations against NumPy, its prototypes, and its switches."""

import models  # noqa: F401  isort: skip
import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from models.layers.prototypes import Prototypes
from models.layers.repeat_intention import RepeatIntention
from models.layers.repeats import is_repeated, repeat_share
from models.layers.scenario_learning import ScenarioLearner
from models.layers.scenario_routing import route
from models.musenet import MuseNet, MuseNetSettings
from tests.models.conftest import random_batch, shake, small_features

FEATURES = small_features()
SMALL = {"embedding": {"dim": 4}, "units": [6, 3], "metric_dim": 5, "prototypes": 3}
RANDOM = np.random.default_rng(0)


def normal(*shape):
    return RANDOM.normal(size=shape).astype("f4")


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(scores):
    exponents = np.exp(scores - scores.max(-1, keepdims=True))
    return exponents / exponents.sum(-1, keepdims=True)


def distances(samples, prototypes):
    return ((samples[:, None] - prototypes[None]) ** 2).sum(-1)


def network(experts, e, x):
    """One MLP of `SharedExperts`, by itself."""
    for i, kernel in enumerate(experts.kernels):
        last = i == len(experts.units)
        bias = experts.bias if last else experts.hidden_biases[i]
        x = x @ kernel.numpy()[e] + bias.numpy()[e]
        x = x if last else np.maximum(x, 0)
    return x[:, 0]


def count(model):
    return sum(int(np.prod(w.shape)) for w in model.weights)


def build(features=FEATURES, **settings):
    model = MuseNet(features, {**SMALL, **settings})
    model.build_weights()
    return model


def test_is_repeated_looks_at_real_positions_and_known_items():
    history = tf.constant([[3, 4, 4], [3, 5, 3], [0, 0, 3], [9, 9, 9], [3, 1, 2]], tf.int64)
    target = tf.constant([4, 3, 0, 9, 3], tf.int64)
    length = tf.constant([2, 1, 3, 3, 0])
    assert is_repeated(history, length, target, 9).numpy().tolist() == [True, True, False, False, False]


def test_repeat_share_counts_events_whose_item_an_earlier_one_had():
    history = tf.constant([[3, 4, 3, 3], [3, 3, 3, 3], [0, 0, 5, 5], [7, 7, 7, 7], [1, 2, 3, 4]], tf.int64)
    length = tf.constant([4, 2, 4, 0, 4])
    np.testing.assert_allclose(repeat_share(history, length, 9), [0.5, 0.5, 0.25, 0, 0])
    random, lengths = RANDOM.integers(1, 5, (30, 6)), RANDOM.integers(0, 7, 30)
    expected = [
        sum(item in row[:i] for i, item in enumerate(row[:n])) / max(n, 1) for row, n in zip(random.tolist(), lengths)
    ]
    np.testing.assert_allclose(repeat_share(tf.constant(random), tf.constant(lengths), 5), expected, rtol=1e-6)


def test_soft_scenarios_are_a_softmax_over_distances():
    learner, inputs = ScenarioLearner(4, 3), normal(6, 5)
    shares, divergence = learner(inputs)
    samples = inputs / np.sqrt(1 + 1e-3) @ learner.projection.kernel.numpy()
    expected = softmax(-distances(samples, learner.prototypes.prototypes.numpy()))
    np.testing.assert_allclose(shares, expected, rtol=1e-3, atol=1e-6)
    terms = np.where(expected > 0, expected * (np.log(np.maximum(expected, 1e-30)) + np.log(4)), 0)
    np.testing.assert_allclose(divergence, terms.sum(1), rtol=1e-3, atol=1e-5)


def test_hard_scenarios_are_the_nearest_prototype_or_a_gumbel_softmax():
    learner, inputs = ScenarioLearner(4, 3, hard=True), normal(4000, 5)
    shares, divergence = learner(inputs)
    samples = inputs / np.sqrt(1 + 1e-3) @ learner.projection.kernel.numpy()
    apart = distances(samples, learner.prototypes.prototypes.numpy())
    np.testing.assert_array_equal(shares, np.eye(4)[apart.argmin(1)])
    np.testing.assert_allclose(divergence, np.full(4000, np.log(4)), rtol=1e-6)
    drawn, _ = learner(inputs, training=True)
    np.testing.assert_allclose(tf.reduce_sum(drawn, 1), np.ones(4000), rtol=1e-5)
    assert np.median(drawn.numpy().max(1)) > 0.99  # at this temperature nearly one of them
    chosen = np.eye(4)[drawn.numpy().argmax(1)].mean(0)
    np.testing.assert_allclose(chosen, softmax(-apart).mean(0), atol=0.03)


def test_prototypes_move_to_the_mean_of_what_is_assigned_to_them():
    layer, samples = Prototypes(3, rate=0.2), normal(8, 2)
    shares = softmax(normal(8, 3))
    shares[:, 2] = 0
    layer(samples)
    before = layer.prototypes.numpy()
    layer.move(samples, shares)
    means = (shares.T @ samples)[:2] / shares.sum(0)[:2, None]
    np.testing.assert_allclose(layer.prototypes[:2], 0.8 * before[:2] + 0.2 * means, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(layer.prototypes[2], before[2])


def test_prototypes_move_in_training_alone_and_not_by_gradient():
    model = build()
    batch, _, _ = random_batch(FEATURES)
    before = model.learner.prototypes.prototypes.numpy()
    model(batch)
    np.testing.assert_array_equal(model.learner.prototypes.prototypes, before)
    model(batch, training=True)
    assert np.abs(model.learner.prototypes.prototypes.numpy() - before).max() > 1e-4
    assert model.learner.prototypes.prototypes.ref() not in {w.ref() for w in model.trainable_weights}


def test_large_inputs_belong_to_scenarios_like_small_ones():
    inputs, shares = normal(500, 5), []
    for scale in (1.0, 100.0):
        keras.utils.set_random_seed(3)
        learner = ScenarioLearner(4, 3)
        shares.append(learner(scale * inputs, training=True)[0].numpy())
    np.testing.assert_allclose(*shares, atol=0.01)


def test_scenarios_start_apart():
    model = build(small_features(20), embedding={"dim": 16}, prototypes=4)
    shares = model.intentions(random_batch(small_features(20), 500)[0], training=True).shares.numpy()
    assert shares.max(1).mean() > 0.4 and (shares.mean(0) > 0.02).all()


@pytest.mark.parametrize("repeat", [True, False])
def test_modules_are_computed_side_by_side(repeat):
    layer, user, item = RepeatIntention(3, (6, 4), repeat), normal(7, 5), normal(7, 2)
    repeated = np.array([True, False] * 3 + [True])
    layer(user, item, repeated)
    shake(layer)
    scores, again = layer(user, item, repeated)
    whole = np.concatenate([user, item], 1)
    for k in range(3):
        if not repeat:
            np.testing.assert_allclose(scores[:, k], network(layer.affinity, k, whole), rtol=1e-4, atol=1e-5)
            continue
        p = sigmoid(network(layer.intention, k, user))
        s_r, s_e = network(layer.affinity, 2 * k, whole), network(layer.affinity, 2 * k + 1, whole)
        np.testing.assert_allclose(again[:, k], p, rtol=1e-4)
        expected = repeated * p * s_r + (1 - repeated) * (1 - p) * s_e
        np.testing.assert_allclose(scores[:, k], expected, rtol=1e-4, atol=1e-5)
    assert repeat or again is None


def test_predefined_scenarios_have_modules_of_their_own():
    layer, user, item = RepeatIntention(9, (6,), True, 4, "page"), normal(5, 3), normal(5, 2)
    scenario, repeated = np.array([0, 3, 1, 3, 2]), np.array([True, False, True, True, False])
    routes = route(tf.constant(scenario), 4)
    layer(user, item, repeated, routes)
    shake(layer)
    scores, again = layer(user, item, repeated, routes)
    for row, s in enumerate(scenario):

        def one(experts, e, x, s=s):
            first, last = experts.dense[0], experts.last
            own = slice(e * 6, e * 6 + 6)
            hidden = np.maximum(x @ first.kernel.numpy()[s, :, own] + first.bias.numpy()[s, own], 0)
            return (hidden @ last.kernel.numpy()[s, e] + last.bias.numpy()[s, e])[0]

        p, whole = sigmoid(one(layer.intention, 0, user[row])), np.concatenate([user[row], item[row]])
        expected = p * one(layer.affinity, 0, whole) if repeated[row] else (1 - p) * one(layer.affinity, 1, whole)
        np.testing.assert_allclose(again[row, 0], p, rtol=1e-4)
        np.testing.assert_allclose(scores[row, 0], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("scenarios", ["soft", "hard", "predefined", "none"])
def test_whole_model_and_its_losses(scenarios):
    model = build(scenarios=scenarios, divergence_weight=0.7, repeat_weight=0.3)
    training = model.training_model()
    shake(training)
    batch, _, _ = random_batch(FEATURES, 40)
    found = model.intentions(batch)
    shares, scores = found.shares.numpy(), found.scores.numpy()
    assert scores.shape == (40, 3 if scenarios in ("soft", "hard") else 1)
    np.testing.assert_allclose(model(batch), (shares * scores).sum(1) + model.bias.numpy(), rtol=1e-4, atol=1e-6)
    outputs = training.forward(batch, training=False)
    np.testing.assert_allclose(outputs.logits, model(batch), rtol=1e-5)
    assert outputs.losses.keys() == set(training.auxiliary) == training.auxiliary_metrics.keys()
    share = repeat_share(batch["history_item"], batch["history_length"], 20).numpy()
    assert share.max() > 0
    expected = 0.3 * (share - (shares * found.again.numpy()).sum(1)) ** 2
    np.testing.assert_allclose(outputs.losses["repeat"], expected, rtol=1e-4, atol=1e-7)
    if scenarios in ("soft", "hard"):
        np.testing.assert_allclose(outputs.losses["divergence"], 0.7 * found.divergence.numpy(), rtol=1e-5)
    else:
        assert set(training.auxiliary) == {"repeat"}


def test_repeating_is_about_this_item():
    """Behaviors are exchanged for others of the same embedding: only their being the target can tell."""
    model = build()
    shake(model)
    table = model.embedding.embedding.tables["item"]
    table.assign(tf.repeat(table[:1], 20, 0))
    batch, _, _ = random_batch(FEATURES)
    batch["item"] = tf.ones_like(batch["item"])
    others = {**batch, "history_item": tf.fill(batch["history_item"].shape, tf.constant(2, tf.int64))}
    same = {**batch, "history_item": tf.ones_like(batch["history_item"])}
    differs = np.abs(model(same).numpy() - model(others).numpy()) > 1e-6
    np.testing.assert_array_equal(differs, batch["history_length"].numpy() > 0)


def mlp(inputs):
    return (inputs + 1) * 6 + (6 + 1) * 3 + 3 + 1


def test_ablations_take_their_parameters_away():
    user = 4 + 4 + 4 + 4 + 1 + 4 + 1 + 4 + 4 + 4  # two of the user, scenario and context, five columns of behaviors
    whole = user + 4 + 1
    full, learner = count(build()), whole * 5 + 3 * 5 + 2 * whole + 1
    module = mlp(user) + 2 * mlp(whole)
    assert full == count(build(scenarios="hard"))
    assert full - count(build(scenarios="none")) == learner + 2 * module
    assert full - count(build(prototypes=2)) == 5 + module
    assert full - count(build(repeat=False)) == 3 * (module - mlp(whole))
    assert full - count(build(repeat=False, scenarios="none")) == learner + 3 * module - mlp(whole)
    assert count(build(scenarios="predefined")) - full == 2 * module - learner  # five modules instead of three
    tables = (5 + 5) * 4
    inputs = 4 * 4  # columns of the scenario, of the target and the behaviors
    assert full - count(build(given_scenario=False)) == tables + inputs * (5 + 2) + 3 * 3 * inputs * 6


def test_needs_neither_scenarios_nor_histories():
    batch, _, _ = random_batch(FEATURES)
    model = build(given_scenario=False)
    hidden = {key: tf.zeros_like(value) if "page" in key or "theme" in key else value for key, value in batch.items()}
    np.testing.assert_array_equal(model(batch), model(hidden))
    for scenarios in ("soft", "hard", "predefined", "none"):
        features = small_features(history=False)
        training = build(features, scenarios=scenarios).training_model()
        outputs = training.forward(random_batch(features)[0])
        assert np.isfinite(outputs.logits).all() and "repeat" not in outputs.losses


def test_defaults_are_the_papers():
    settings = MuseNetSettings()
    assert (settings.prototypes, settings.temperature, settings.prototype_rate) == (4, 0.1, 0.2)
    assert (settings.divergence_weight, settings.repeat_weight) == (1.0, 0.5)


def test_settings_refuse():
    for wrong in (
        {"scenarios": "given"},
        {"prototypes": 1},
        {"temperature": 0},
        {"prototype_rate": 1.5},
        {"units": []},
    ):
        with pytest.raises(ValueError):
            MuseNetSettings.model_validate(wrong)
