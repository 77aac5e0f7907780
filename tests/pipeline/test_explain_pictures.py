"""What pictures show, against calculations straight from the models."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from scenerank.pipeline.drawing.page import Figure, Missing, Table
from scenerank.pipeline.explain.pictures_hierrec import between, feature_weight_picture
from scenerank.pipeline.explain.pictures_maria import density, refiner_picture
from scenerank.pipeline.explain.pictures_musenet import learned_scenario_picture, number
from scenerank.pipeline.explain.pictures_sar_net import attention_picture, click_rates, exposure_picture
from scenerank.pipeline.explain.scenario_averages import by_scenario, difference, number_columns
from scenerank.schemas import load_declaration
from tests.pipeline import explained
from tests.pipeline.explained import ROWS


def test_attention_is_summed_by_scenario_and_by_type(subject):
    made = subject("sar_net")
    drawn = attention_picture(made)
    assert [type(block) for block in drawn.blocks] == [Figure, Figure]
    features = explained.prepared().test.batch(tf.range(ROWS, dtype=tf.int64))[0]
    weight, length = made.model.attention_weights(features).numpy(), features["history_length"].numpy()
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = weight * length[:, None] / weight.sum(1, keepdims=True)
    real = np.arange(weight.shape[1]) < length[:, None]
    for of, feature, named in (("scenario", "history_page", "page 2"), ("type", "history_type", "purchase")):
        numbers, index = drawn.numbers[of], features[feature].numpy()
        i, j = numbers["scenario"].index("page 1"), numbers["behavior"].index(named)
        chosen = real & (index == 2) & (explained.prepared().test.scenarios[:, None] == 1)
        assert numbers["behaviors"][i, j] == chosen.sum() > 20
        assert numbers["relative"][i, j] == pytest.approx(relative[chosen].mean(), rel=1e-4)
    with pytest.raises(Missing, match="switched off"):
        attention_picture(subject("sar_net", attention="none"))


def test_exposure_is_that_of_each_requests_first_item(subject):
    made = subject("sar_net")
    numbers = exposure_picture(made).numbers
    label, first = explained.prepared().test.labels, made.scores.reshape(-1, 4).argmax(1) + 4 * np.arange(ROWS // 4)
    for place, name in enumerate(numbers["category"]):
        logged, ranked = explained.raw()["category"] == name, explained.raw()["category"][first] == name
        assert numbers["exposure_logged"][place] == pytest.approx(logged.mean())
        assert numbers["exposure_ranked"][place] == pytest.approx(ranked.mean())
        if logged.sum() >= 30:
            assert numbers["click_rate_logged"][place] == pytest.approx(label[logged].mean())
    few = click_rates(np.array(["a"] * 40 + ["b"] * 3), np.ones(43), np.array(["a", "b"]))
    assert few[0] == 1 and np.isnan(few[1])


def test_refiner_weights_are_those_that_the_model_applies(subject):
    made = subject("maria", gumbel=False, scaling=False)
    features = explained.prepared().test.batch(tf.range(50, dtype=tf.int64))[0]
    weights, probabilities = made.model.refiner_weights(features)
    assert weights.shape == (50, len(made.model.field_names), 2) and made.model.field_names[0] == "behaviors"
    np.testing.assert_allclose(probabilities, weights / tf.reduce_sum(weights, 2, keepdims=True), rtol=1e-5)
    embedded = made.model.embedding({x.name: features[x.name] for x in made.model.profile})
    place = made.model.field_names.index("user")
    field = tf.concat([embedded["user"], embedded["city"]], 1)
    layer = made.model.refinement[place]
    expected = layer.refine(field).numpy().reshape(50, 2, -1) * weights.numpy()[:, place, :, None]
    np.testing.assert_allclose(layer(field, embedded["page"]).numpy(), expected.reshape(50, -1), rtol=1e-4, atol=1e-6)


def test_refiners_are_averaged_by_scenario(subject):
    made = subject("maria")
    drawn = refiner_picture(made)
    weights, _ = made.compute(made.model.refiner_weights)
    place = drawn.numbers["scenario"].index("page 2")
    np.testing.assert_allclose(
        drawn.numbers["mean_weight"][place], weights[explained.prepared().test.scenarios == 2].mean(0), rtol=1e-4
    )
    np.testing.assert_allclose(drawn.numbers["mean_weight"].sum(2), 1, rtol=1e-5)
    assert [type(block) for block in drawn.blocks] == [Figure, Figure]
    for settings, why in (({"refinement": False}, "switched off"), ({"refiners": 1}, "single")):
        with pytest.raises(Missing, match=why):
            refiner_picture(subject("maria", **settings))
    assert refiner_picture(subject("maria", refiners=3)).numbers["mean_weight"].shape[2] == 3


def test_a_density_adds_up_to_one():
    grid = np.linspace(0, 1, 4001)
    for values in (np.random.default_rng(0).uniform(0.3, 0.6, 200), np.full(50, 0.5)):
        assert density(values, grid).mean() == pytest.approx(1, abs=0.01)


def test_learned_scenarios_are_the_nearest_prototypes(subject):
    made = subject("musenet")
    features = explained.prepared().test.batch(tf.range(ROWS, dtype=tf.int64))[0]
    points, shares = made.model.assignments(features)
    np.testing.assert_allclose(shares, made.model.intentions(features).shares, rtol=1e-5)
    far = ((points.numpy()[:, None] - made.model.prototypes.numpy()[None]) ** 2).sum(2)
    np.testing.assert_array_equal(shares.numpy().argmax(1), far.argmin(1))
    drawn = learned_scenario_picture(made)
    assert [type(block) for block in drawn.blocks] == [Figure, Table]
    learned = shares.numpy().argmax(1)
    assert drawn.numbers["rows"].tolist() == np.bincount(learned, minlength=3).tolist()
    biggest = int(np.bincount(learned).argmax())
    means = drawn.numbers["average_features"][f"s{biggest + 1}"]
    assert means["price"] == pytest.approx(explained.raw()["price"][learned == biggest].mean(), rel=1e-4)
    assert means["clicked"] == pytest.approx(explained.prepared().test.labels[learned == biggest].mean())
    assert len(drawn.numbers["tsne"]["points"]) == ROWS and drawn.numbers["prototypes"].shape == (3, 2)
    with pytest.raises(Missing, match="learns no scenarios"):
        learned_scenario_picture(subject("musenet", scenarios="none"))


def test_averages_leave_absent_values_out():
    table = pd.DataFrame({"a": [1.0, np.nan, 3.0, 5.0], "b": [2.0, 2.0, 2.0, 2.0]})
    means = by_scenario(table, np.array([0, 0, 2, 2]), ["s1", "s2", "s3"])
    assert means.loc["s1", "a"] == 1 and means.loc["s3", "a"] == 4 and np.isnan(means.loc["s2", "a"])
    assert means.loc["all", "a"] == 3
    found = difference(means.loc[["s1", "s2", "s3"]], np.array([2, 0, 2]), table.std())
    assert found["a"] == pytest.approx(1.5 / table["a"].std()) and found["b"] == 0
    assert number_columns(load_declaration("simulator"))[:2] == ["price", "hour"]
    assert [number(x) for x in (12345.6, 123.456, 1.23456, 7.0, 0.00001, np.nan)] == [
        "12,346", "123.5", "1.235", "7", "1.0e−05", "–",
    ]  # fmt: skip


def test_feature_weights_are_those_of_the_scenario(subject):
    made = subject("hierrec")
    numbers = feature_weight_picture(made).numbers
    weights = numbers["weights"]
    assert weights.shape == (3, 2, len(numbers["feature"])) and "page" not in numbers["feature"]
    np.testing.assert_allclose(weights.sum(2), 1, rtol=1e-5)
    index = tf.constant([int(name.split()[1]) for name in numbers["scenario"]], tf.int64)
    np.testing.assert_allclose(weights, made.model.scenario_parameters(index).attention, rtol=1e-5)
    assert between(np.repeat(weights[:1], 3, 0)) == pytest.approx(0, abs=1e-7) and 0 < between(weights) < 1
    with pytest.raises(Missing, match="switched off"):
        feature_weight_picture(subject("hierrec", implicit=False))
