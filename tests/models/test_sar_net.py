"""SAR-Net as a whole: its equations, its laws, its switches."""

from __future__ import annotations

import itertools

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from scenerank.models.base import input_signature, named_weights, table_of
from scenerank.models.optimizers import build_optimizer
from scenerank.models.registry import build_model, settings_class
from scenerank.models.settings import OptimizerSettings
from scenerank.models.training import training_model
from scenerank.schemas.bias import DebiasSettings
from tests.models.conftest import LENGTH, random_batch, served, shake, small_features
from tests.models.numpy_layers import embedded, joined, psi, shared_experts, softmax, specific_experts, vectors

SMALL = {"embedding": {"dim": 4}, "expert_units": [6], "attention_units": [6, 4], "shared_experts": 3}
FEATURES = small_features()


def build(features=FEATURES, **settings):
    return build_model("sar_net", features, {**SMALL, **settings})


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(1)
    model = build()
    shake(model)
    return model


def count(model):
    return sum(int(np.prod(w.shape)) for w in model.trainable_weights)


def attended(model, batch, e, row):
    """v_cb and the behaviors' weights of a row, Eqs. 5-7, from the tables and the kernels of psi."""

    def behaviors(*names):
        values = [batch[name][row, : batch["history_length"][row]] for name in names]
        return np.concatenate([vectors(model.embedding, FEATURES, *pair) for pair in zip(names, values)], -1)

    items, kinds = behaviors("history_item", "history_price"), behaviors("history_type")
    if not len(items):
        return np.zeros(items.shape[1]), np.zeros(0)
    of_item = psi(model.extract.scores["item"], items, joined(e, "item", "price")[row], kinds)
    scenarios, current = behaviors("history_page", "history_theme"), joined(e, "page", "theme")[row]
    of_scenario = psi(model.extract.scores["scenario"], scenarios, current, kinds)
    weights = softmax(of_item) * softmax(of_scenario)
    return weights @ items, weights


def test_logit_from_the_equations():
    model, random = build(), np.random.default_rng(5)
    shake(model)
    for weight in model.non_trainable_weights:
        if "moving" in weight.name:
            weight.assign(random.uniform(0.5, 2.0, weight.shape))
    tensors, _, _ = random_batch(FEATURES)
    batch = {name: value.numpy() for name, value in tensors.items()}
    e, scenario = embedded(model.embedding, FEATURES, batch), batch["page"]
    interest = np.stack([attended(model, batch, e, row)[0] for row in range(16)])
    v = np.concatenate([interest, joined(e, "user", "city", "item", "price", "page", "theme", "rate")], 1)
    v = v * model.transform.scale.numpy()[scenario] + model.transform.shift.numpy()[scenario]  # Eq. 8
    scores = [specific_experts(model.specific, v, scenario)[:, :, 0], shared_experts(model.shared, v)[:, :, 0]]
    kernels = model.gate.dense.kernel.numpy()[scenario]
    gate = softmax(np.einsum("bi,bie->be", v, kernels))  # Eq. 10; no scenario is unknown here
    np.testing.assert_allclose(model(tensors), (gate * np.concatenate(scores, 1)).sum(1), rtol=1e-3, atol=1e-4)
    opinions = model.opinions(tensors)
    np.testing.assert_allclose(opinions.gate, gate, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(opinions.scores, np.concatenate(scores, 1), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("fusion", ["multiply", "add"])
def test_training_model_reweighs_scores_before_the_gate(model, fusion):
    training = training_model(model, DebiasSettings(nets=True, fusion=fusion))
    batch, _, _ = random_batch(FEATURES)
    np.testing.assert_allclose(training(batch), model(batch), rtol=1e-6)
    random = np.random.default_rng(0)
    for weight in training.bias.trainable_weights:
        weight.assign(random.normal(0, 1, weight.shape))
    opinions = model.opinions(batch)
    bias = training.bias.biases(batch, opinions.routes).numpy()
    main = opinions.scores.numpy()
    scores = main * 2 / (1 + np.exp(-bias)) if fusion == "multiply" else main + bias
    expected = (opinions.gate.numpy() * scores).sum(1)
    np.testing.assert_allclose(training(batch), expected, rtol=1e-4, atol=1e-5)
    assert np.abs(training(batch).numpy() - model(batch).numpy()).max() > 1e-3


@pytest.mark.parametrize("sharing", ["expert", "one"])
def test_serving_model_knows_nothing_of_bias(model, sharing):
    training = training_model(model, DebiasSettings(nets=True, sharing=sharing))
    serving, nets = {id(w) for w in training.serving.weights}, training.bias or training.tower
    assert (training.bias is None) == (sharing == "one") != (training.tower is None)
    assert nets.weights and not serving & {id(w) for w in nets.weights}
    batch, _, _ = random_batch(FEATURES)
    batch = served(batch, FEATURES)
    assert np.isfinite(model(batch)).all()


@hypothesis.settings(deadline=None, max_examples=15)
@hypothesis.given(extra=st.integers(1, 5), filler=st.integers(0, 100), seed=st.integers(0, 1000))
def test_padding_changes_nothing(model, extra, filler, seed):
    batch, _, _ = random_batch(FEATURES, seed=seed)
    real = tf.sequence_mask(batch["history_length"], LENGTH + extra)
    padded = dict(batch)
    for feature in FEATURES.features:
        if feature.sequence:
            value = tf.pad(batch[feature.name], [[0, 0], [0, extra]])
            padded[feature.name] = tf.where(real, value, tf.cast(filler, value.dtype))
    np.testing.assert_allclose(model(padded), model(batch), rtol=1e-4, atol=1e-6)


@hypothesis.settings(deadline=None, max_examples=15)
@hypothesis.given(seed=st.integers(0, 1000))
def test_rows_do_not_see_each_other_and_may_be_shuffled(model, seed):
    batch, _, _ = random_batch(FEATURES, seed=seed)
    logits = model(batch).numpy()
    order = np.random.default_rng(seed).permutation(16)[:9]
    np.testing.assert_allclose(model({k: tf.gather(v, order) for k, v in batch.items()}), logits[order], rtol=1e-4)


def test_attention_weights_are_zero_at_padding(model):
    batch, _, _ = random_batch(FEATURES)
    weights = model.attention_weights(batch).numpy()
    real = np.arange(LENGTH)[None] < batch["history_length"].numpy()[:, None]
    assert weights.shape == (16, LENGTH)
    assert (weights[~real] == 0).all() and (weights[real] > 0).all()
    arrays = {name: value.numpy() for name, value in batch.items()}
    e = embedded(model.embedding, FEATURES, arrays)
    for row in range(16):
        np.testing.assert_allclose(weights[row, real[row]], attended(model, arrays, e, row)[1], rtol=1e-4, atol=1e-6)


def test_every_weight_gets_a_finite_gradient():
    model = build(extraction_layers=2, embedding={"dim": 4, "numeric": "vector"})
    training = training_model(model, DebiasSettings(nets=True))
    shake(training)
    seen = dict.fromkeys(named_weights(training), 0.0)
    for seed in range(4):
        batch, labels, _ = random_batch(FEATURES, 64, seed=seed)
        with tf.GradientTape() as tape:
            logits = training(batch, training=True)
            loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels, logits))
        weights = {k: w for k, w in named_weights(training).items() if w.trainable}
        for name, gradient in zip(weights, tape.gradient(loss, list(weights.values()))):
            assert gradient is not None, name
            values = gradient.values if isinstance(gradient, tf.IndexedSlices) else gradient
            assert np.isfinite(values).all(), name
            seen[name] = max(seen[name], float(np.abs(values).max()))
    assert not [n for n in weights if seen[n] < 1e-9]


def test_two_hundred_rows_are_learnt_by_heart():
    model = build(optimizer={"learning_rate": 0.01})
    training = training_model(model)
    training.compile(optimizer=build_optimizer(model.settings.optimizer))
    batch, labels, weights = random_batch(FEATURES, 200)
    data = tf.data.Dataset.from_tensors((batch, labels, weights)).repeat(150)
    history = training.fit(data, epochs=2, verbose=0).history
    assert history["loss"][1] < 0.05 < history["loss"][0]
    assert training.evaluate(data.take(1), verbose=0, return_dict=True)["auc"] > 0.99


def test_same_seed_same_weights():
    def run():
        keras.utils.set_random_seed(3)
        training = training_model(build(embedding={"dim": 4, "dropout": 0.1, "id_dropout": 0.1}, scenario_dropout=0.1))
        training.compile(optimizer=build_optimizer(OptimizerSettings()))
        data = tf.data.Dataset.from_tensors(random_batch(FEATURES, 64)).repeat(3)
        training.fit(data, verbose=0)
        return {name: weight.numpy() for name, weight in named_weights(training).items()}

    first, second = run(), run()
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)


@pytest.mark.parametrize("scenarios", [1, 3, 500])
def test_any_number_of_scenarios(scenarios):
    features = small_features(scenarios)
    batch, _, _ = random_batch(features, 40)
    logits = build(features)(batch, training=True)
    assert logits.shape == (40,) and np.isfinite(logits).all()


def test_unseen_scenario_and_empty_history_are_served_by_shared_experts(model):
    batch, _, _ = random_batch(FEATURES)
    batch = {**batch, "page": tf.constant([0, 999] * 8, tf.int64), "history_length": tf.zeros(16, tf.int64)}
    opinions = model.opinions(batch)
    assert np.isfinite(model(batch)).all()
    assert (opinions.gate.numpy()[:, :2] == 0).all()
    np.testing.assert_allclose(opinions.gate.numpy()[:, 2:].sum(1), 1, rtol=1e-5)


def test_without_history_and_with_a_single_row():
    features = small_features(history=False)
    batch, _, _ = random_batch(features, 1)
    assert np.isfinite(build(features)(batch)).all()


def test_switches_change_the_parameters_as_they_imply():
    full = count(build())
    item, scenario, context = 4 + 1, 8, 4  # widths: item and scalar price; page and theme; type
    profile = 8 + item + scenario + 1

    def unit(width):
        return (4 * width + context) * 6 + 6 + 6 * 4 + 4 + 4

    types = 3 * 4  # the table of a behavior's type, context of attention alone
    assert full - count(build(attention="none")) == unit(item) + unit(scenario) + types
    assert full - count(build(attention="target")) == unit(scenario)
    assert full - count(build(attention="scenario")) == unit(item)
    assert full - count(build(attention="concatenated")) == unit(item) + unit(scenario) - unit(item + scenario)
    assert full - count(build(attention="hierarchical")) == unit(item) - unit(item + scenario)
    assert count(build(renormalize=True)) == full
    width = item + profile
    assert full - count(build(scenario_transform=False)) == 2 * 5 * width
    per_scenario = 2 * (width * 6 + 2 * 6 + 6 + 1) + 2 * width
    assert full - count(build(specific_experts=0)) == 5 * per_scenario
    assert full - count(build(shared_experts=2)) == width * 6 + 2 * 6 + 6 + 1 + 5 * width
    sizes = [count(build(scenario_transform=False, extraction_layers=n)) for n in (1, 2, 3)]
    assert sizes[0] < sizes[1] < sizes[2]
    assert full == count(training_model(build()))
    each, one = (count(training_model(build(), DebiasSettings(nets=True, sharing=s))) for s in ("expert", "one"))
    vector = 2 * 8 + 8  # widths: the coefficient's two parts and the place's
    inputs = 8 + 8 + 32 * 8 + 6 * 8
    net = vector * 8 + 2 * 8 + 8
    assert one - full == inputs + net
    assert each - full == inputs + (3 + 5 * 2) * net
    assert count(build(behavior_value="all")) - full == context * (6 * 2 * 5 + 6 * 3 + 5 * 5 + 2 * 5)


def test_fairness_coefficients_weigh_the_loss_only_if_told_to():
    batch, labels, weights = random_batch(FEATURES, 32)
    for weighted in (False, True):
        training = training_model(build(), DebiasSettings(weighting=weighted, weight_floor=0.7))
        training.compile(optimizer=keras.optimizers.SGD(0.0))
        logits = training(batch, training=True).numpy()
        factors = weights.numpy() * (np.maximum(batch["fairness_coefficient"].numpy(), 0.7) if weighted else 1)
        losses = np.logaddexp(0, logits) - labels.numpy() * logits
        measured = training.train_step((batch, labels, weights))["loss"]
        assert abs(float(measured) - (losses * factors).sum() / factors.sum()) < 1e-2


def test_evaluation_looks_at_the_serving_model_only():
    training = training_model(build(), DebiasSettings(nets=True))
    training.compile(optimizer="sgd")
    shake(training)
    batch, labels, weights = random_batch(FEATURES, 64)
    result = training.test_step((batch, labels, weights))
    logits = training.serving(batch).numpy()
    losses = np.logaddexp(0, logits) - labels.numpy() * logits
    np.testing.assert_allclose(result["loss"], (losses * weights).numpy().sum() / weights.numpy().sum(), rtol=1e-4)


def test_bfloat16_trains():
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        model = build(optimizer={"learning_rate": 0.01})
        training = training_model(model)
        training.compile(optimizer=build_optimizer(model.settings.optimizer))
        batch = random_batch(FEATURES, 100)
        loss = training.fit(tf.data.Dataset.from_tensors(batch).repeat(40), epochs=2, verbose=0).history["loss"]
        assert model(batch[0]).dtype == tf.float32
        assert all(weight.dtype == tf.float32 for weight in model.trainable_weights)
        assert loss[1] < loss[0] < 0.75
    finally:
        keras.mixed_precision.set_global_policy("float32")


def test_names_address_every_weight_and_its_table(model):
    names = named_weights(model)
    assert len(names) == len({id(w) for w in model.weights})
    tables = table_of(model)
    assert tables["embedding/table_item"] == "item"
    assert tables["gate/dense/kernel"] == tables["transform/scale"] == tables["specific/dense/0/kernel"] == "page"
    assert tables["specific/norms/0/seen"] == "page" and "shared/kernel_0" not in tables
    rows = FEATURES.tables
    assert all(names[name].shape[0] == rows[table] for name, table in tables.items())
    again = named_weights(build())
    assert again.keys() == names.keys()
    training = training_model(model, DebiasSettings(nets=True))
    assert {f"serving/{n}" for n in names} < named_weights(training).keys()
    assert table_of(training)["bias/specific_nets/last/kernel"] == "page"


def test_configuration_round_trip(model):
    copy = type(model).from_config(model.get_config())
    for name, weight in named_weights(copy).items():
        weight.assign(named_weights(model)[name])
    batch, _, _ = random_batch(FEATURES)
    np.testing.assert_array_equal(copy(batch), model(batch))


def test_saved_model_takes_any_batch_and_length(model, tmp_path):
    signature = input_signature(FEATURES)
    assert "fairness_coefficient" not in signature

    class Export(tf.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        @tf.function(input_signature=[signature])
        def score(self, features):
            return self.model(features)

    tf.saved_model.save(Export(), str(tmp_path))
    loaded = tf.saved_model.load(str(tmp_path))
    for rows, length in ((1, 1), (30, 9)):
        batch, _, _ = random_batch(FEATURES, rows, length)
        batch = served(batch, FEATURES)
        np.testing.assert_allclose(loaded.score(batch), model(batch), rtol=1e-5, atol=1e-6)


def test_settings_refuse_what_they_do_not_know():
    settings = settings_class("sar_net")
    for wrong in ({"attentoin": "full"}, {"attention": "all"}, {"extraction_layers": 6}, {"embedding": {"dim": 0}}):
        with pytest.raises(ValueError):
            settings.model_validate(wrong)
    with pytest.raises(ValueError, match="there must be an expert"):
        settings.model_validate({"specific_experts": 0, "shared_experts": 0})
    with pytest.raises(ValueError, match="no model 'sarnet': choose one of sar_net"):
        settings_class("sarnet")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("attention", "layers"), list(itertools.product(["none", "concatenated", "hierarchical"], [1, 3]))
)
def test_every_ablation_trains(attention, layers):
    model = build(attention=attention, extraction_layers=layers, scenario_transform=layers == 1, behavior_value="all")
    training = training_model(model)
    training.compile(optimizer=build_optimizer(model.settings.optimizer))
    loss = training.fit(tf.data.Dataset.from_tensors(random_batch(FEATURES, 64)).repeat(20), epochs=2, verbose=0)
    assert loss.history["loss"][1] < loss.history["loss"][0]
