"""MARIA: its layers and the whole against NumPy, its switches."""

import itertools

import numpy as np
import pydantic
import pytest
import tensorflow as tf

from scenerank.models.layers.concat_attention import ConcatAttention
from scenerank.models.layers.feature_correlation import FeatureCorrelation
from scenerank.models.layers.feature_refinement import FeatureRefinement
from scenerank.models.layers.feature_scaling import FeatureScaling
from scenerank.models.layers.scenario_coupling import scenario_coupling
from scenerank.models.registry import build_model
from scenerank.models.training import training_model
from tests.models.conftest import random_batch, shake, small_features
from tests.models.numpy_layers import dense, embedded, joined, mlp, relu, sigmoid, softmax

FEATURES = small_features(trigger=True)
SMALL = {
    "embedding": {"dim": 4},
    "encoder_units": 6,
    "encoder_head_width": 3,
    "attention_units": [5],
    "expert_units": [6, 5],
    "tower_units": [4, 3],
    "correlation_width": 2,
    "selecting": ["behaviors", "user", "item", "trigger", "context"],
}
RANDOM = np.random.default_rng(0)
ROWS, SIZE = np.array([0, 0, 2, 2, 2]), tf.constant(3, tf.int64)


def normal(*shape):
    return RANDOM.normal(size=shape).astype("f4")


def shaken(layer, *inputs):
    layer(*inputs)
    shake(layer)
    return layer


def build(features=FEATURES, **settings):
    return build_model("maria", features, {**SMALL, **settings})


@pytest.fixture(scope="module")
def model():
    model = build()
    shake(model)
    return model


def count(model):
    return sum(int(np.prod(w.shape)) for w in model.trainable_weights)


def attended(layer, keys, query):
    """Sum and weights of one row's behaviors, Eqs. 4-6."""
    kernel = np.concatenate([layer.of_query.kernel, layer.of_key.kernel])
    both = np.concatenate([np.repeat(query[None], len(keys), 0), keys], 1)
    hidden = relu(both @ kernel + layer.of_query.bias.numpy())
    for following in layer.rest:
        hidden = dense(following, hidden, relu)
    weights = softmax(dense(layer.score, hidden)[:, 0]) if len(keys) else np.zeros(0)
    return weights @ keys, weights


def refined_of(layer, field, scenario):
    """A field through its refiners, Eqs. 11-12, without noise."""
    selection = sigmoid(mlp(layer.selector, np.concatenate([field, scenario], 1)))
    if layer.gumbel:
        selection = softmax(np.log(selection) / layer.temperature)
    refined = dense(layer.refine, field, relu).reshape(len(field), selection.shape[1], -1)
    return (refined * selection[:, :, None]).reshape(len(field), -1)


def test_trigger_aware_attention():
    keys, query = normal(5, 3), normal(3, 4)
    layer = shaken(ConcatAttention((6, 4)), keys, query, ROWS, SIZE)
    sums, weights = layer(keys, query, ROWS, SIZE)
    for row in range(3):
        expected, expected_weights = attended(layer, keys[row == ROWS], query[row])
        np.testing.assert_allclose(weights[row == ROWS], expected_weights, rtol=1e-4)
        np.testing.assert_allclose(sums[row], expected, rtol=1e-4, atol=1e-6)


def test_scaling_gives_every_element_one_factor_and_stops_gradients():
    elements, context = tf.constant(normal(4, 6)), tf.constant(normal(4, 2))
    layer = shaken(FeatureScaling((1, 3, 2), limit=2.0, units=(5,)), elements, context)
    scaled, factors = layer(elements, context)
    expected = 2 * sigmoid(mlp(layer.network, np.concatenate([elements, context], 1)))
    np.testing.assert_allclose(factors, expected, rtol=1e-4)
    np.testing.assert_allclose(scaled, elements * expected[:, [0, 1, 1, 1, 2, 2]], rtol=1e-4)
    with tf.GradientTape() as tape:
        tape.watch([elements, context])
        _, factors = layer(elements, context)
    of_elements, of_context = tape.gradient(factors, [elements, context])
    assert of_elements is None and np.abs(of_context).max() > 0


def test_scaling_starts_at_one():
    elements = normal(4, 6)
    layer = FeatureScaling((1, 3, 2))
    layer(elements, normal(4, 2))
    layer.network.last.kernel.assign(tf.zeros_like(layer.network.last.kernel))
    np.testing.assert_allclose(layer(elements, normal(4, 2))[0], elements, rtol=1e-6)


@pytest.mark.parametrize("gumbel", [True, False])
def test_refinement_chooses_refiners(gumbel):
    field, scenario = normal(5, 4), normal(5, 2)
    layer = shaken(FeatureRefinement(3, 2, gumbel=gumbel, temperature=0.5, units=(4,)), field, scenario)
    np.testing.assert_allclose(layer(field, scenario), refined_of(layer, field, scenario), rtol=1e-4, atol=1e-6)


def test_refiners_are_drawn_as_the_selector_says_in_training():
    field, scenario = np.repeat(normal(1, 4), 4000, 0), np.repeat(normal(1, 2), 4000, 0)
    layer = shaken(FeatureRefinement(2, 3), field, scenario)
    layer.refine.bias.assign_add(tf.ones(6) * 5.0)
    outputs = layer(field, scenario, training=True).numpy()
    chosen = (outputs / layer.refine(field).numpy())[:, [0, 3]]
    assert ((chosen > 0.99) | (chosen < 0.01)).mean() > 0.95  # nearly always one of the two
    likely = sigmoid(mlp(layer.selector, np.concatenate([field, scenario], 1)))[0]
    np.testing.assert_allclose(chosen.mean(0), likely / likely.sum(), atol=0.03)
    assert not np.ptp(layer(field, scenario).numpy(), 0).any()  # no noise at inference


def test_single_refiner_has_no_selector():
    field = normal(5, 4)
    layer = shaken(FeatureRefinement(1, 3), field, normal(5, 2))
    np.testing.assert_allclose(layer(field, normal(5, 2)), dense(layer.refine, field, relu), rtol=1e-5, atol=1e-6)


def test_correlation_is_the_dot_product_of_projected_pairs():
    fields = [normal(4, 3), normal(4, 1), normal(4, 5)]
    layer = shaken(FeatureCorrelation(3, 2), fields)
    a, b, c = (dense(projection, field) for projection, field in zip(layer.projections, fields))
    expected = np.stack([(a * b).sum(1), (a * c).sum(1), (b * c).sum(1)], 1)
    np.testing.assert_allclose(layer(fields), expected, rtol=1e-4, atol=1e-6)


def test_coupling_is_the_mean_dot_product_with_other_scenarios():
    table = normal(5, 3)
    expected = [np.mean([table[s] @ table[j] for j in range(1, 5) if j != s]) for s in range(5)]
    np.testing.assert_allclose(scenario_coupling(table), expected, rtol=1e-4, atol=1e-6)
    assert scenario_coupling(table[:2])[1] == 0  # a single scenario
    np.testing.assert_array_equal(scenario_coupling(table[:1]), [0])


@pytest.mark.parametrize(("start", "length", "likeness"), [("alike", 1, 0.5), ("unit", 1, 0), ("small", 0.2, 0)])
def test_scenarios_start_at_unit_length(start, length, likeness):
    features = small_features(400)
    model = build(features, scenario_start=start, embedding={"dim": 16})
    table = model.embedding.tables["page"].numpy()
    np.testing.assert_allclose(np.linalg.norm(table, axis=1).mean(), length, rtol=0.05)
    np.testing.assert_allclose(model.alphas().numpy()[1:].mean(), likeness, atol=0.03)
    assert np.linalg.norm(model.embedding.tables["theme"].numpy(), axis=1).max() < 0.5


def test_scenarios_are_not_penalised():
    batch, _, _ = random_batch(FEATURES)
    for l2, scenario_l2 in ((0.1, 0.0), (0.0, 0.1), (0.1, 0.2)):
        model = build(embedding={"dim": 4, "l2": l2, "scenario_l2": scenario_l2})
        with tf.GradientTape() as tape:
            model(batch, training=True)
            penalty = tf.add_n(model.losses)
        tables = model.embedding.tables
        gradients = tape.gradient(penalty, [tables["page"], tables["theme"]])
        assert [gradient is not None for gradient in gradients] == [scenario_l2 > 0, l2 > 0]
        rows = tf.gather(tables["page"], batch["page"])
        if not l2:
            np.testing.assert_allclose(penalty, 0.1 * tf.reduce_mean(tf.reduce_sum(rows**2, -1)), rtol=1e-5)


def test_coupling_by_cosine_does_not_grow_with_the_vectors():
    by_dot, by_cosine = build(), build(coupling="cosine")
    before = by_cosine.alphas().numpy()
    np.testing.assert_allclose(before, build_alike(by_dot, by_cosine), rtol=1e-5)
    for model in (by_dot, by_cosine):
        model.embedding.tables["page"].assign(3 * model.embedding.tables["page"])
    np.testing.assert_allclose(by_cosine.alphas(), before, rtol=1e-5)
    np.testing.assert_allclose(by_dot.alphas(), 9 * before, rtol=1e-4)


def build_alike(model, other):
    """alpha of a model that is given the other's scenarios."""
    model.embedding.tables["page"].assign(other.embedding.tables["page"])
    return model.alphas()


def test_alpha_is_watched_where_there_is_a_shared_tower():
    training = training_model(build())
    watched = training.forward(random_batch(FEATURES)[0]).watched
    np.testing.assert_allclose(watched["alpha"], training.serving.alphas().numpy()[1:].mean(), rtol=1e-6)
    assert not training_model(build(shared_tower=False)).watched


def test_refined_share_is_of_all_refiners_or_of_each():
    batch, _, _ = random_batch(FEATURES)
    widths = {}
    for refined in ("all", "each"):
        model = build(refined=refined, refined_share=0.5, selecting=["user"])  # two columns of width 4
        widths[refined] = model.refinement[1].refine.kernel.shape[1]
        assert np.isfinite(model(batch)).all()
    assert widths == {"all": 4, "each": 8}


def test_temperature_falls_in_training_alone():
    field, scenario = normal(3, 4), normal(3, 2)
    layer = FeatureRefinement(2, 3, temperature=0.01, warmup=2)
    layer(field, scenario)
    temperatures = []
    for _ in range(4):
        progress = min(layer.step.numpy() / 2, 1)
        layer(field, scenario)
        assert min(layer.step.numpy() / 2, 1) == progress
        temperatures.append(float(layer._training_temperature()))
    np.testing.assert_allclose(temperatures, [1, 0.1, 0.01, 0.01], rtol=1e-5)
    assert not FeatureRefinement(2, 3, gumbel=False, warmup=2).warmup and not FeatureRefinement(1, 3, warmup=2).warmup


def test_logit_from_the_equations(model):
    batch, _, _ = random_batch(FEATURES)
    e = embedded(model.embedding, FEATURES, batch)
    h_b, _ = model._interest(batch, e, False)
    u, x = np.concatenate([e["user"], e["city"]], 1), np.concatenate([e["item"], e["price"]], 1)
    t, c = np.concatenate([e["query"], e["trigger_price"]], 1), np.concatenate([e["theme"], e["rate"]], 1)
    q = np.concatenate([h_b, u, x, t, c], 1)
    keys = np.concatenate([e["user"], e["item"], e["page"]], 1)
    factors = 2 * sigmoid(mlp(model.scaling.network, np.concatenate([q, keys], 1)))
    widths = [5, 4, 4, 4, 1, 4, 1, 4, 1]  # h_b, user, city, item, price, query, trigger_price, theme, rate
    scaled = q * np.repeat(factors, widths, axis=1)
    fields = np.split(scaled, np.cumsum([5, 8, 5, 5]), axis=1)
    refined = [refined_of(layer, field, e["page"]) for layer, field in zip(model.refinement, fields)]
    projected = [dense(projection, field) for projection, field in zip(model.correlation.projections, fields)]
    products = [(a * b).sum(1) for a, b in itertools.combinations(projected, 2)]
    q_f = np.concatenate([*refined, np.stack(products, 1)], 1)
    hidden = q_f[:, None]
    for kernel, bias in zip(model.experts.kernels, model.experts.hidden_biases):
        hidden = relu(np.einsum("bei,eio->beo", np.broadcast_to(hidden, (16, 4, hidden.shape[2])), kernel) + bias)
    gate = softmax(e["page"] @ model.mixture.dense.kernel.numpy())
    h_n = np.einsum("be,bed->bd", gate, hidden)
    logits = model(batch)
    table = model.embedding.tables["page"].numpy()
    alpha = [np.mean([table[s] @ table[j] for j in range(1, len(table)) if j != s]) for s in range(len(table))]
    for row, scenario in enumerate(batch["page"].numpy()):
        h_sp = h_n[row]
        for layer in model.tower.dense:
            h_sp = relu(h_sp @ layer.kernel.numpy()[scenario] + layer.bias.numpy()[scenario])
        h_f = h_sp + alpha[scenario] * mlp(model.shared_tower, h_n[row])
        logit = dense(model.last.last, h_f)[0]
        np.testing.assert_allclose(logits[row], logit, rtol=1e-3, atol=1e-4)


def test_interest_encodes_item_columns_and_asks_the_trigger(model):
    batch, _, _ = random_batch(FEATURES)
    e = embedded(model.embedding, FEATURES, batch)
    sums, weights = model._interest(batch, e, False)
    lengths = batch["history_length"].numpy()
    rows = np.repeat(np.arange(16), lengths)
    real = np.arange(6)[None] < lengths[:, None]
    items = model.embedding.tables["item"].numpy()[batch["history_item"].numpy()[real]]
    prices = batch["history_price"].numpy()[real][:, None] * model.embedding.tables["price"].numpy()[0]
    encoded = model.encoder(np.concatenate([items, prices], 1), rows, tf.constant(16, tf.int64))
    query = joined(e, "query", "trigger_price")
    for row in range(16):
        expected, expected_weights = attended(model.attention, encoded.numpy()[rows == row], query[row])
        np.testing.assert_allclose(sums[row], expected, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(weights[rows == row], expected_weights, rtol=1e-4, atol=1e-6)
    assert not np.any(sums[lengths == 0])


def test_ablations_remove_what_they_name():
    """Q has 28 numbers in 9 elements: fields of 5, 8, 5, 5, 5."""
    full, outputs = count(build()), 2 * (2 + 3 + 2 + 2 + 2)  # two refiners a field
    first = outputs + 10  # Q_f: the refined fields and ten pairs
    tower = 5 * 4 + 4 + 4 * 3 + 3
    assert full - count(build(shared_tower=False)) == tower
    projections = 28 * 2 + 5 * 2
    assert full - count(build(correlation=False)) == projections + 10 * 6 * 4
    assert full - count(build(scaling=False)) == (28 + 12) * 9 + 9
    refiners = sum((width + 1) * 2 * numbers for width, numbers in ((5, 2), (8, 3), (5, 2), (5, 2), (5, 2)))
    selectors = (28 + 5 * 4) * 2 + 5 * 2
    assert full - count(build(refinement=False)) == refiners + selectors - (28 - outputs) * 6 * 4
    experts = 4 * (first * 6 + 6 + 6 * 5 + 5) + 4 * 4
    wider = (first - 5) * 4 * (FEATURES.scenarios + 1)  # first layers of the towers
    assert full - count(build(network_layer=False)) == experts - wider
    assert count(build(gumbel=False)) == full


def test_fields_that_do_not_choose_have_a_single_refiner():
    model = build(selecting=["user"])
    assert model.selecting == ("user",)
    assert [refine.refiners for refine in model.refinement] == [2 if n == "user" else 1 for n in model.field_names]
    batch, _, _ = random_batch(FEATURES)
    assert model.refiner_weights(batch)[0].shape[1:] == (1, 2)
    assert build(selecting=[]).selecting == build(refiners=1).selecting == ()


def test_ablations_and_options_are_served():
    batch, _, _ = random_batch(FEATURES)
    off = ("shared_tower", "correlation", "scaling", "refinement", "network_layer", "gumbel")
    for settings in ({name: False} for name in off):
        assert np.isfinite(build(**settings)(batch, training=True)).all()
    everything_off = build(**dict.fromkeys(off, False))
    assert np.isfinite(everything_off(batch)).all()
    assert np.isfinite(build(behavior_columns="all", encoder_layers=2, dropout=0.1)(batch, training=True)).all()


def test_query_is_the_target_without_a_trigger():
    features = small_features()
    assert [f.name for f in build(features).query] == ["item", "price"]
    assert [f.name for f in build().query] == ["query", "trigger_price"]


@pytest.mark.parametrize(
    "settings",
    [
        {"attention_units": []},
        {"tower_units": []},
        {"expert_units": [0]},
        {"refiners": 0},
        {"selecting": ["price"]},
        {"refined_share": 1.5},
        {"temperature": 0},
        {"scale": 0},
        {"behavior_columns": "none"},
        {"coupling": "none"},
        {"scenario_start": 1},
        {"temperature_warmup": -1},
        {"unknown": 1},
    ],
)
def test_wrong_settings_are_refused(settings):
    with pytest.raises(pydantic.ValidationError):
        build_model("maria", FEATURES, settings)
