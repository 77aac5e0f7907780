"""Baselines that share parts between scenarios, against their equations in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from scenerank.models.baselines.cgc import CGC
from scenerank.models.baselines.hard_sharing import HardSharing
from scenerank.models.baselines.mmoe import MMoE
from scenerank.models.baselines.ple import PLE
from scenerank.models.baselines.shared_bottom import SharedBottom
from scenerank.models.layers.scenario_mlp import ScenarioMLP
from scenerank.models.layers.scenario_routing import route
from tests.models.conftest import random_batch, shake, small_features
from tests.models.numpy_layers import embedded, joined, mlp, shared_experts, softmax, specific_experts, tower

FEATURES = small_features()
BATCH, SCENARIO = random_batch(FEATURES)[0], random_batch(FEATURES)[0]["page"].numpy()
EMBEDDING = {"embedding": {"dim": 4}}
WIDTH, SCENARIOS = 4 * 5 + 2 + 4 * 4 + 1, 5  # fields of width 4; price, rate and the behaviors' price of width 1


def built(cls, **settings):
    """A model in which no weight and no moving moment is 0 or 1 by chance."""
    model = cls(FEATURES, {**EMBEDDING, **settings})
    model.build_weights()
    shake(model)
    random = np.random.default_rng(5)
    for weight in model.non_trainable_weights:
        if "moving" in weight.name:
            weight.assign(random.uniform(0.5, 2.0, weight.shape))
    return model


def count(model):
    return sum(int(np.prod(w.shape)) for w in model.trainable_weights)


def fields(model, batch=BATCH, *names):
    """Fields side by side, from the model's tables alone."""
    return joined(embedded(model.embedding.embedding, FEATURES, batch), *names)


def scenario_gate(layer, values):
    logits = np.stack([v @ layer.dense.kernel.numpy()[s] for s, v in zip(SCENARIO, values)])
    return softmax(logits)


def assert_logits(model, expected):
    np.testing.assert_allclose(model(BATCH), expected[:, 0], rtol=1e-3, atol=1e-4)


def test_scenario_mlp_is_a_network_a_scenario():
    layer = ScenarioMLP(SCENARIOS, "page", units=(6, 4), outputs=3, dropout=0.5)
    inputs = np.random.default_rng(0).normal(size=(16, 7)).astype("f4")
    routes = route(tf.constant(SCENARIO), SCENARIOS)
    layer(inputs, routes)
    shake(layer)
    np.testing.assert_allclose(layer(inputs, routes), tower(layer, inputs, SCENARIO), rtol=1e-4, atol=1e-5)
    assert {variable.shape[0] for dense in [*layer.dense, layer.last] for variable, _ in dense.row_tables()} == {5}
    zero = ScenarioMLP(SCENARIOS, "page", units=(6,), zero_output=True)
    assert (zero(inputs, routes).numpy() == 0).all()


def test_scenario_mlp_penalises_the_kernels_present():
    layer = ScenarioMLP(SCENARIOS, "page", units=(), l2=0.5)
    inputs, scenario = tf.ones((9, 3)), tf.constant([2] * 9)
    layer(inputs, route(scenario, SCENARIOS), training=True)
    kernel = layer.last.kernel.numpy()[2]
    blocks = route(scenario, SCENARIOS).block_rows.shape[0]
    np.testing.assert_allclose(layer.losses[0], 0.5 * blocks * (kernel**2).sum() / 9, rtol=1e-5)


def test_hard_sharing_is_one_network():
    model = built(HardSharing, units=(6, 5))
    assert_logits(model, mlp(model.network, fields(model)))
    assert count(built(HardSharing, units=(6,))) - count(built(HardSharing, units=())) == (
        WIDTH * 6 + 6 + 6 + 1 - (WIDTH + 1)
    )
    assert count(built(HardSharing, units=(6,), normalize=True)) - count(built(HardSharing, units=(6,))) == 6


def test_shared_bottom_adds_the_scenarios_and_the_auxiliary_tower():
    sizes = {"bottom_units": (6,), "tower_units": (5,)}
    model = built(SharedBottom, **sizes)
    state = mlp(model.bottom, fields(model))
    scenario = fields(model, BATCH, "page", "theme")
    auxiliary = mlp(model.auxiliary, np.concatenate([state, scenario], -1))
    assert_logits(model, tower(model.tower, state, SCENARIO) + auxiliary)
    plain = built(SharedBottom, **sizes, auxiliary_tower=False)
    assert_logits(plain, tower(plain.tower, mlp(plain.bottom, fields(plain)), SCENARIO))
    assert count(model) - count(plain) == (6 + 8) * 5 + 5 + 5 + 1


def test_shared_bottom_serves_an_unseen_scenario_by_what_all_share():
    model = SharedBottom(FEATURES, EMBEDDING)
    model.build_weights()
    shake(model.auxiliary)
    batch = {**BATCH, "page": tf.zeros(16, tf.int64)}
    state = mlp(model.bottom, fields(model, batch))
    scenario = fields(model, batch, "page", "theme")
    expected = mlp(model.auxiliary, np.concatenate([state, scenario], -1))[:, 0]
    np.testing.assert_allclose(model(batch), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("normalize", [False, True])
def test_mmoe_mixes_experts_by_the_scenarios_gate(normalize):
    sizes = {"expert_units": (6, 4), "tower_units": (5,), "normalize": normalize}
    model = built(MMoE, experts=3, **sizes)
    vector = fields(model)
    mixed = np.einsum("be,bed->bd", scenario_gate(model.gate, vector), shared_experts(model.experts, vector))
    assert_logits(model, tower(model.tower, mixed, SCENARIO))
    fewer = built(MMoE, experts=2, **sizes)
    expert = WIDTH * 6 + 6 * 4 + (1 + normalize) * (6 + 4)
    assert count(model) - count(fewer) == expert + SCENARIOS * WIDTH


def extracted(layer, own, common):
    experts = np.concatenate(
        [specific_experts(layer.specific_experts, own, SCENARIO), shared_experts(layer.shared_experts, common)], 1
    )
    own_state = np.einsum("be,bed->bd", scenario_gate(layer.own_gate, own), experts)
    if layer.common_gate is None:
        return own_state, None
    share = softmax(common @ layer.common_gate.kernel.numpy())
    return own_state, np.einsum("be,bed->bd", share, experts)


@pytest.mark.parametrize("normalize", [False, True])
def test_ple_and_cgc_extract_layer_by_layer(normalize):
    sizes = {"specific_experts": 2, "shared_experts": 1, "expert_units": (6, 4), "tower_units": (5,)}
    sizes |= {"specific_units": (3,), "normalize": normalize}
    model = built(PLE, **sizes, layers=2)
    own = common = fields(model)
    for layer in model.extraction:
        own, common = extracted(layer, own, common)
    assert common is None
    assert_logits(model, tower(model.tower, own, SCENARIO))
    cgc = built(CGC, **sizes)
    assert_logits(cgc, tower(cgc.tower, extracted(cgc.extraction[0], *[fields(cgc)] * 2)[0], SCENARIO))
    assert count(built(PLE, **sizes, layers=1)) == count(cgc)
    expert = 4 * 6 + 6 * 4 + (1 + normalize) * 10
    own_expert = 4 * 3 + 3 * 4 + (1 + normalize) * 7
    second = SCENARIOS * 2 * own_expert + expert + SCENARIOS * 4 * 3
    assert count(model) - count(cgc) == second + WIDTH * 3


@pytest.mark.parametrize(
    ("cls", "wrong"),
    [
        (HardSharing, {"units": (0,)}),
        (SharedBottom, {"bottom_units": (-1,)}),
        (SharedBottom, {"dropout": 1.0}),
        (MMoE, {"experts": 0}),
        (MMoE, {"expert_units": ()}),
        (CGC, {"specific_experts": 0}),
        (CGC, {"layers": 2}),
        (PLE, {"layers": 0}),
        (PLE, {"shared_experts": 0}),
    ],
)
def test_settings_refuse_what_is_out_of_range(cls, wrong):
    with pytest.raises(ValueError):
        cls.settings_class.model_validate(wrong)
