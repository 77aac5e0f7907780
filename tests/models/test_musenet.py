"""MuseNet's equations against NumPy, its prototypes, and its switches."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from scenerank.models.layers.prototypes import CANDIDATES, Prototypes, far_apart
from scenerank.models.layers.repeat_intention import RepeatIntention
from scenerank.models.layers.repeats import is_repeated, repeat_share
from scenerank.models.layers.scenario_learning import ScenarioLearner
from scenerank.models.layers.scenario_routing import route
from scenerank.models.musenet import MuseNet, MuseNetSettings
from scenerank.models.training import training_model
from tests.models.conftest import random_batch, shake, small_features
from tests.models.numpy_layers import embedded, joined, shared_experts, sigmoid, softmax, specific_experts

FEATURES = small_features()
SMALL = {"embedding": {"dim": 4}, "units": [6, 3], "metric_dim": 5, "prototypes": 3}
RANDOM = np.random.default_rng(0)


def normal(*shape):
    return RANDOM.normal(size=shape).astype("f4")


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


def projected(learner, inputs):
    """f(x) at inference of a learner that has not been trained: its normalisations have moments 0 and 1."""
    samples = inputs / (1 + 1e-3) @ learner.projection.kernel.numpy()
    return 3 / np.sqrt(learner.width) * samples


def divergence_of(shares):
    return (np.where(shares > 0, shares * np.log(np.maximum(shares, 1e-30)), 0) + shares * np.log(4)).sum(-1)


@pytest.mark.parametrize("divergence", ["mean", "row"])
def test_soft_scenarios_are_a_softmax_over_distances(divergence):
    learner, inputs = ScenarioLearner(4, 3, divergence=divergence), normal(6, 5)
    found = learner(inputs)
    samples = projected(learner, inputs)
    np.testing.assert_allclose(learner.project(inputs), samples, rtol=1e-3, atol=1e-5)
    expected = softmax(-distances(samples, learner.prototypes.prototypes.numpy()))
    np.testing.assert_allclose(found.shares, expected, rtol=1e-3, atol=1e-6)
    np.testing.assert_array_equal(found.likely, found.shares)
    told = divergence_of(expected.mean(0, keepdims=True) if divergence == "mean" else expected)
    np.testing.assert_allclose(found.divergence, np.broadcast_to(told, 6), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("divergence", ["mean", "row"])
def test_hard_scenarios_are_the_nearest_prototype_or_a_gumbel_softmax(divergence):
    learner, inputs = ScenarioLearner(4, 3, hard=True, divergence=divergence), normal(4000, 5)
    found = learner(inputs)
    apart = distances(projected(learner, inputs), learner.prototypes.prototypes.numpy())
    likely, nearest = softmax(-apart), np.eye(4)[apart.argmin(1)]
    np.testing.assert_array_equal(found.shares, nearest)
    np.testing.assert_allclose(found.likely, likely, rtol=1e-2, atol=1e-5)
    told = divergence_of(likely.mean(0, keepdims=True) if divergence == "mean" else likely)
    np.testing.assert_allclose(found.divergence, np.broadcast_to(told, 4000), rtol=1e-2, atol=1e-4)
    learner.prototypes.started.assign(1.0)
    before = learner.prototypes.prototypes.numpy()
    drawn = learner(inputs, training=True)
    samples = learner.project(inputs, training=True).numpy()  # by the moments of the batch, as the step had it
    learner.prototypes.prototypes.assign(before)
    apart = distances(samples, before)
    likely, nearest = softmax(-apart), np.eye(4)[apart.argmin(1)]
    np.testing.assert_allclose(drawn.likely, likely, rtol=1e-2, atol=1e-5)
    np.testing.assert_allclose(tf.reduce_sum(drawn.shares, 1), np.ones(4000), rtol=1e-5)
    assert np.median(drawn.shares.numpy().max(1)) > 0.99  # at this temperature nearly one of them
    chosen = np.eye(4)[drawn.shares.numpy().argmax(1)].mean(0)
    np.testing.assert_allclose(chosen, likely.mean(0), atol=0.03)


def test_hard_scenarios_move_prototypes_by_the_nearest_ones():
    learner, inputs = ScenarioLearner(3, 4, hard=True), normal(300, 5)
    learner(inputs, training=True)  # puts the prototypes onto samples
    before, samples = learner.prototypes.prototypes.numpy(), learner.project(inputs, training=True).numpy()
    nearest = distances(samples, before).argmin(1)
    learner(inputs, training=True)
    means = np.stack([samples[nearest == k].mean(0) for k in range(3)])
    np.testing.assert_allclose(learner.prototypes.prototypes, 0.8 * before + 0.2 * means, rtol=1e-3, atol=1e-4)


def test_prototypes_start_from_samples_of_the_first_batch_and_never_again():
    layer, samples = Prototypes(3, from_samples=True), normal(200, 2)
    layer(samples)
    assert not layer.started.numpy()
    layer.move(samples, np.full((200, 3), 1 / 3))
    first = layer.prototypes.numpy()
    assert (distances(first, samples).min(1) < 1e-10).all()
    candidates = samples[np.arange(CANDIDATES) * 200 // CANDIDATES]
    np.testing.assert_array_equal(first, far_apart(tf.constant(candidates), 3))
    layer.move(samples, np.full((200, 3), 1 / 3))
    np.testing.assert_allclose(layer.prototypes, 0.8 * first + 0.2 * samples.mean(0), rtol=1e-4, atol=1e-5)
    copy = Prototypes(3, from_samples=True)
    copy(samples)
    copy.set_weights(layer.get_weights())
    copy.move(samples[:5], np.zeros((5, 3)))  # no mass: they stay where they were restored
    np.testing.assert_array_equal(copy.prototypes, layer.prototypes)


def test_far_apart_takes_one_of_each_heap():
    heaps = np.array([[0, 0], [9, 0], [0, 9], [9, 9]], "f4")
    points = np.repeat(heaps, 16, 0) + 0.1 * normal(64, 2)
    chosen = far_apart(tf.constant(points), 4).numpy()
    assert set(distances(chosen, heaps).argmin(1)) == {0, 1, 2, 3}


def test_smallest_distance_of_prototypes():
    layer = Prototypes(3)
    layer(normal(2, 2))
    layer.prototypes.assign([[0, 0], [3, 4], [10, 0]])
    np.testing.assert_allclose(layer.smallest_distance(), 5)
    layer.prototypes.assign([[1, 1], [3, 4], [1, 1]])
    assert layer.smallest_distance() == 0


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
        shares.append(learner(scale * inputs, training=True).shares.numpy())
    np.testing.assert_allclose(*shares, atol=0.02)


def test_scenarios_start_apart():
    model = build(small_features(20), embedding={"dim": 16}, prototypes=4)
    batch, _, _ = random_batch(small_features(20), 500)
    model(batch, training=True)
    shares = model.intentions(batch, training=True).shares.numpy()
    assert shares.max(1).mean() > 0.4 and (shares.mean(0) > 0.02).all()


@pytest.mark.parametrize("repeat", [True, False])
def test_modules_are_computed_side_by_side(repeat):
    layer, user, item = RepeatIntention(3, (6, 4), repeat=repeat), normal(7, 5), normal(7, 2)
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
    layer, user, item = RepeatIntention(9, (6,), repeat=True, scenarios=4, table="page"), normal(5, 3), normal(5, 2)
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


def equations(model, batch):
    """Shares, scores z and p_r of all modules, Eqs. 3-4 and 9, from the model's weights alone."""
    e = embedded(model.embedding.embedding, FEATURES, batch)
    item, user = joined(e, "item", "price"), joined(e, *(name for name in e if name not in ("item", "price")))
    whole, layer, scenario = np.concatenate([user, item], 1), model.intention, batch["page"].numpy()
    past, lengths = batch["history_item"].numpy(), batch["history_length"].numpy()
    met = [i > 0 and i in own[:n] for i, own, n in zip(batch["item"].numpy(), past, lengths)]
    if model.predefined:
        again = sigmoid(specific_experts(layer.intention, user, scenario)[:, :, 0])
        scores = specific_experts(layer.affinity, whole, scenario)[:, :, 0]
    else:
        again = sigmoid(shared_experts(layer.intention, user)[:, :, 0])
        scores = shared_experts(layer.affinity, whole)[:, :, 0]
    z = np.where(np.array(met)[:, None], again * scores[:, ::2], (1 - again) * scores[:, 1::2])
    shares = np.ones_like(z)
    if model.learner is not None:
        samples = projected(model.learner, joined(e, "page", "theme", "rate"))
        apart = distances(samples, model.prototypes.numpy())
        shares = np.eye(3)[apart.argmin(1)] if model.settings.scenarios == "hard" else softmax(-apart)
    return shares, z, again


@pytest.mark.parametrize("scenarios", ["soft", "hard", "predefined", "none"])
def test_whole_model_and_its_losses(scenarios):
    model = build(scenarios=scenarios, divergence_weight=0.7, repeat_weight=0.3)
    training = training_model(model)
    shake(training)
    batch, _, _ = random_batch(FEATURES, 40)
    found = model.intentions(batch)
    shares, scores, again = equations(model, batch)
    assert scores.shape == (40, 3 if scenarios in ("soft", "hard") else 1)
    np.testing.assert_allclose(model(batch), (shares * scores).sum(1) + model.bias.numpy(), rtol=1e-3, atol=1e-5)
    outputs = training.forward(batch, training=False)
    np.testing.assert_allclose(outputs.logits, model(batch), rtol=1e-5)
    assert outputs.losses.keys() == set(training.auxiliary) == training.auxiliary_metrics.keys()
    assert outputs.watched.keys() == set(training.watched) == training.watched_metrics.keys()
    share = repeat_share(batch["history_item"], batch["history_length"], 20).numpy()
    assert share.max() > 0
    expected = 0.3 * (share - (shares * again).sum(1)) ** 2
    np.testing.assert_allclose(outputs.losses["repeat"], expected, rtol=1e-3, atol=1e-6)
    if scenarios in ("soft", "hard"):
        np.testing.assert_allclose(outputs.losses["divergence"], 0.7 * found.divergence.numpy(), rtol=1e-5)
        np.testing.assert_allclose(outputs.watched["greatest_share"], found.likely.numpy().max(1), rtol=1e-5)
        points = model.prototypes.numpy()
        apart = distances(points, points)[np.triu_indices(3, 1)].min()
        np.testing.assert_allclose(outputs.watched["prototype_distance"], np.sqrt(apart), rtol=1e-4)
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
    whole, request = user + 4 + 1, 4 + 4 + 1
    moments = 2 * request + 1 + 2 * 5 + 1
    full, learner = count(build()), request * 5 + 3 * 5 + 1 + moments
    assert count(build(assigned_by="sample")) == full + (whole - request) * (5 + 2)
    module = mlp(user) + 2 * mlp(whole)
    assert full == count(build(scenarios="hard"))
    assert full - count(build(scenarios="none")) == learner + 2 * module
    assert full - count(build(prototypes=2)) == 5 + module
    assert full - count(build(repeat=False)) == 3 * (module - mlp(whole))
    assert full - count(build(repeat=False, scenarios="none")) == learner + 3 * module - mlp(whole)
    assert count(build(scenarios="predefined")) - full == 2 * module - learner  # five modules instead of three
    tables = (5 + 5) * 4
    inputs = 4 * 4  # columns of the scenario, two of the request and two of behaviors
    assert full - count(build(given_scenario=False)) == tables + inputs // 2 * (5 + 2) + 3 * 3 * inputs * 6


def test_needs_neither_scenarios_nor_histories():
    batch, _, _ = random_batch(FEATURES)
    model = build(given_scenario=False)
    hidden = {key: tf.zeros_like(value) if "page" in key or "theme" in key else value for key, value in batch.items()}
    np.testing.assert_array_equal(model(batch), model(hidden))
    for scenarios in ("soft", "hard", "predefined", "none"):
        features = small_features(history=False)
        training = training_model(build(features, scenarios=scenarios))
        outputs = training.forward(random_batch(features)[0])
        assert np.isfinite(outputs.logits).all() and "repeat" not in outputs.losses


def test_defaults_are_the_papers():
    settings = MuseNetSettings()
    assert (settings.prototypes, settings.temperature, settings.prototype_rate) == (4, 0.1, 0.2)
    assert (settings.divergence_weight, settings.repeat_weight) == (1.0, 0.5)
    assert settings.divergence == "mean"  # not the paper's, see `ScenarioLearner`


def test_settings_refuse():
    for wrong in (
        {"scenarios": "given"},
        {"prototypes": 1},
        {"divergence": "none"},
        {"radius": 0},
        {"temperature": 0},
        {"prototype_rate": 1.5},
        {"units": []},
    ):
        with pytest.raises(ValueError):
            MuseNetSettings.model_validate(wrong)
