"""HierRec: its layers and the whole against NumPy, its switches, folding."""

import numpy as np
import pydantic
import pytest
import tensorflow as tf

from scenerank.models.base import input_signature
from scenerank.models.layers.dynamic_weights import DynamicWeights
from scenerank.models.layers.feature_attention import ScenarioFeatureAttention
from scenerank.models.layers.weighted_batch_norm import WeightedBatchNormalization
from scenerank.models.registry import build_model
from tests.models.conftest import random_batch, shake, small_features
from tests.models.numpy_layers import dense, embedded, relu, softmax

FEATURES = small_features()
SMALL = {
    "embedding": {"dim": 4},
    "heads": 2,
    "global_units": [6, 5],
    "explicit_units": [2, 4],
    "implicit_units": [2, 3],
}
RANDOM = np.random.default_rng(0)


def normal(*shape):
    return RANDOM.normal(size=shape).astype("f4")


def build(features=FEATURES, **settings):
    return build_model("hierrec", features, {**SMALL, **settings})


def moved(model):
    """With weights and moving moments at which nothing is zero or one by chance."""
    shake(model)
    for weight in model.non_trainable_weights:
        weight.assign(weight + np.abs(RANDOM.normal(0, 0.3, weight.shape)).astype("f4"))
    return model


def count(model):
    return sum(int(np.prod(w.shape)) for w in model.trainable_weights)


def normalised(norm, x):
    x = (x - norm.moving_mean.numpy()) / np.sqrt(norm.moving_variance.numpy() + norm.epsilon)
    return x * norm.gamma.numpy() + norm.beta.numpy()


def hidden_layers(network, x):
    """An `MLP` with normalisation at inference."""
    for layer, norm in zip(network.dense, network.norms):
        x = relu(normalised(norm, dense(layer, x)))
    return x


def generated(layer, condition):
    """Flattened weights by Eq. 5, cut by Eq. 2."""
    x = condition
    for i, fc in enumerate(layer.dense):
        x = dense(fc, x)
        last = i == len(layer.dense) - 1
        if layer.normalize:
            x = normalised(layer.norms[i], x)
        x = (np.tanh(x) if layer.normalize else x) if last else relu(x)
    a, b, c = layer.widths
    return (
        x[: a * b].reshape(a, b),
        x[a * b : a * b + b],
        x[a * b + b : -c].reshape(b, c),
        x[-c:],
    )


def through(x, weights):
    first, first_bias, second, second_bias = weights
    return (x @ first + first_bias) @ second + second_bias


def test_weighted_normalisation_is_that_of_repeated_rows():
    rows, counts = normal(3, 4), np.array([5, 1, 2])
    weighted, repeated = WeightedBatchNormalization(), WeightedBatchNormalization()
    weighted(rows), repeated(rows)
    for _ in range(2):
        outputs = weighted(rows, counts, training=True)
        every = np.repeat(rows, counts, 0)
        expected = repeated(every, training=True)
        np.testing.assert_allclose(np.repeat(outputs, counts, 0), expected, rtol=1e-4, atol=1e-5)
        rows = rows * 2 + 1
    normal_form = (every - every.mean(0)) / np.sqrt(every.var(0) + 1e-3)
    np.testing.assert_allclose(expected, normal_form, rtol=1e-3, atol=1e-4)
    for one, other in zip(weighted.get_weights(), repeated.get_weights()):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_moving_moments_are_means_at_first_and_then_decay():
    layer = WeightedBatchNormalization(momentum=0.75)
    batches = [normal(6, 2) for _ in range(6)]
    means = np.array([batch.mean(0) for batch in batches])
    expected = np.zeros(2)
    for i, batch in enumerate(batches):
        layer(batch, training=True)
        expected = means[: i + 1].mean(0) if i < 4 else 0.75 * expected + 0.25 * means[i]
        np.testing.assert_allclose(layer.moving_mean, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("options", [{}, {"units": (7,)}, {"normalize": False}])
def test_generated_weights_are_reshaped_from_fully_connected_layers(options):
    layer, condition = DynamicWeights((5, 2, 4), **options), normal(3, 6)
    layer(condition)
    moved(layer)
    (first, first_bias), (second, second_bias) = layer(condition)
    for n in range(3):
        for value, expected in zip(
            (first[n], first_bias[n], second[n], second_bias[n]), generated(layer, condition[n])
        ):
            np.testing.assert_allclose(value, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("normalize", [True, False])
def test_generated_weights_start_as_ordinary_ones(normalize):
    layer = DynamicWeights((50, 10, 40), normalize=normalize)
    (first, first_bias), (second, _) = layer(0.05 * normal(3, 16), training=True)
    assert 0.14 < np.std(first.numpy()) < 0.25 and 0.14 < np.std(second.numpy()) < 0.25
    assert np.abs(first_bias).max() < 0.4
    common = np.mean(first.numpy(), 0)
    assert 0 < np.std(first.numpy() - common) < np.std(common)


@pytest.mark.parametrize("pieces", [True, False])
def test_feature_attention(pieces):
    layer, e_s = ScenarioFeatureAttention(2, 5, pieces=pieces), normal(3, 6)
    layer(e_s)
    shake(layer)
    for head in range(2):
        part = e_s[:, 3 * head : 3 * head + 3] if pieces else e_s
        expected = softmax(part @ layer.kernel.numpy()[head] + layer.bias.numpy()[head])
        np.testing.assert_allclose(layer(e_s)[:, head], expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "options",
    [{}, {"implicit": False}, {"explicit": False}, {"condition_units": [7]}, {"variant": "released"}],
)
def test_logit_from_the_equations(options):
    model = moved(build(**options))
    batch, _, _ = random_batch(FEATURES)
    tables = embedded(model.embedding.embedding, FEATURES, batch)
    fields = [tables[name] for name in tables if name != "page"]  # each [B, d]
    scenarios = model.embedding.embedding.tables["page"].numpy()
    logits = model(batch)
    o_global = hidden_layers(model.global_network, np.concatenate(fields, 1))
    for row, scenario in enumerate(batch["page"].numpy()):
        e_s, state = scenarios[scenario], o_global[row]
        if model.explicit_weights is not None:
            state = through(state, generated(model.explicit_weights, e_s))
        if model.attention is not None:
            kernel, bias = model.attention.kernel.numpy(), model.attention.bias.numpy()
            heads = np.split(e_s, 2) if model.attention.pieces else [e_s, e_s]
            weights = [softmax(head @ kernel[g] + bias[g]) for g, head in enumerate(heads)]
            outputs = []
            for g in range(2):
                weighed = np.stack([weights[g][i] * field[row] for i, field in enumerate(fields)])
                if model.mixing is not None:
                    query, key, value = np.split(weighed @ model.mixing.project.kernel.numpy(), 3, 1)
                    mixed = softmax(query @ key.T / np.sqrt(query.shape[1])) @ value
                    weighed = mixed @ model.mixing.merge.kernel.numpy()
                outputs.append(through(state, generated(model.implicit_weights, weighed.reshape(-1))))
            state = np.concatenate(outputs)
        np.testing.assert_allclose(logits[row], dense(model.prediction.last, state)[0], rtol=1e-3, atol=1e-4)


def test_common_features_are_all_but_the_scenarios_id():
    names = [f.name for f in build().common]
    assert names[:6] == ["user", "city", "item", "price", "theme", "rate"]
    assert names[6:] == ["history_item", "history_price", "history_page", "history_theme", "history_type"]


@pytest.mark.parametrize("options", [{}, {"implicit": False}, {"explicit": False}, {"variant": "released"}])
def test_folded_model_gives_the_same_logits_without_generating(options):
    model = moved(build(**options))
    batch, _, _ = random_batch(FEATURES)
    batch["page"] = tf.constant([0, 99, 1, 2, 3, 4, 1, 1] * 2, tf.int64)
    expected = model(batch).numpy()
    model.fold()
    np.testing.assert_allclose(model(batch), expected, rtol=1e-5, atol=1e-6)
    graph = tf.function(lambda f: model(f), input_signature=[input_signature(FEATURES)]).get_concrete_function().graph
    read = {variable.ref() for variable in graph.variables}
    for layer in (model.explicit_weights, model.attention):
        assert layer is None or not read & {weight.ref() for weight in layer.weights}


def test_scenario_parameters_depend_on_the_scenario_alone():
    model = moved(build())
    every = model.scenario_parameters(tf.range(5, dtype=tf.int64))
    some = model.scenario_parameters(tf.constant([3, 1], tf.int64))
    for one, other in zip(tf.nest.flatten(every), tf.nest.flatten(some)):
        np.testing.assert_allclose(tf.gather(one, [3, 1]), other, rtol=1e-5, atol=1e-6)


def test_ablations_remove_what_they_name():
    """I common features of width 4; O_global 5 -> 2 -> 4, then 4 -> 2 -> 3 in each head."""
    fields = len(build().common)
    explicit_size, implicit_size = 5 * 2 + 2 + 2 * 4 + 4, 4 * 2 + 2 + 2 * 3 + 3
    full = count(build())
    attention = 2 * (4 * fields + fields)
    implicit = 4 * fields * implicit_size + 2 * implicit_size
    assert full - count(build(implicit=False)) == attention + implicit + (2 * 3 - 4)
    wider = 2 * (4 * fields + 2)  # the implicit layers then read 5 numbers, not 4
    assert full - count(build(explicit=False)) == 4 * explicit_size + 2 * explicit_size - wider
    assert full - count(build(heads=1)) == attention // 2 + 3
    mixing = 3 * 4 * 4 + 4 * 4
    biases = explicit_size + implicit_size  # instead of two numbers of the normalisation
    pieces = 2 * (2 * fields + fields)
    assert count(build(variant="released")) - full == mixing - biases + pieces - attention


def test_options_are_served():
    batch, _, _ = random_batch(FEATURES)
    for options in ({"heads": 8, "output_units": [4], "dropout": 0.2}, {"explicit": False, "implicit": False}):
        assert np.isfinite(build(**options)(batch, training=True)).all()


@pytest.mark.parametrize(
    "settings",
    [
        {"variant": "other"},
        {"heads": 0},
        {"explicit_units": [4]},
        {"implicit_units": [4, 0]},
        {"global_units": []},
        {"dropout": 1},
        {"variant": "released", "heads": 3},
    ],
)
def test_wrong_settings_are_refused(settings):
    with pytest.raises(pydantic.ValidationError):
        build(**settings)


def test_one_width_for_all_features():
    with pytest.raises(ValueError, match="embedding.dims"):
        build(embedding={"dim": 4, "dims": {"user": 8}})
