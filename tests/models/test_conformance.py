"""What every registered model must do when it is called; a model is tested by being registered."""

from __future__ import annotations

import functools
import json

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from scenerank.models.base import RankingModel, named_weights, table_of
from scenerank.models.layers.configured import ConfiguredLayer
from scenerank.models.registry import MODELS, build_model
from scenerank.models.training import training_model
from scenerank.schemas import bundled, load_declaration
from scenerank.schemas.features import FeatureSet, feature_set
from tests.models.conftest import LENGTH, random_batch, shake, small_features

SETTINGS = {"embedding": {"dim": 4}}
FEATURES = small_features()
VOCABULARY = 12
every_model = pytest.mark.parametrize("name", MODELS)


@functools.cache
def shaken(name: str) -> RankingModel:
    """The model with weights at which nothing is zero or one by chance."""
    keras.utils.set_random_seed(1)
    model = build_model(name, FEATURES, SETTINGS)
    shake(model)
    return model


@functools.cache
def worlds() -> dict[str, FeatureSet]:
    """Feature sets of all kinds, by what is particular about them."""
    found = {
        "trigger": small_features(trigger=True),
        "no history": small_features(history=False),
        "trigger, no history": small_features(trigger=True, history=False),
        "no scenario": FEATURES.without_scenario(),
    }
    for name in bundled():
        declaration = load_declaration(name)
        found[name] = feature_set(declaration, {c.name: VOCABULARY for c in declaration.features})
    return found


def fits(model: type[RankingModel], features: FeatureSet) -> bool:
    has = {"history": features.history_length > 0, "trigger": bool(features.group("trigger"))}
    return all(has[need] for need in model.needs)


@every_model
def test_says_what_it_is(name):
    model = MODELS[name]
    assert model.registered == name and model.paper and model.__doc__
    assert model.settings_class.__doc__ and model.settings_class.model_validate({})


@every_model
@pytest.mark.parametrize("world", worlds())
def test_builds_on_every_feature_set(name, world):
    features = worlds()[world]
    if not fits(MODELS[name], features):
        with pytest.raises(ValueError, match=f"model '{name}' needs a"):
            build_model(name, features, SETTINGS)
        return
    model = build_model(name, features, SETTINGS)
    batch, _, _ = random_batch(features, 5)
    logits = model(batch)
    assert logits.shape == (5,) and logits.dtype == tf.float32 and np.isfinite(logits).all()


@every_model
@pytest.mark.parametrize("rows", [1, 2, 2048])
def test_gives_one_logit_a_row(name, rows):
    batch, _, _ = random_batch(FEATURES, rows)
    for training in (False, True):
        logits = shaken(name)(batch, training=training)
        assert logits.shape == (rows,) and logits.dtype == tf.float32 and np.isfinite(logits).all()


@every_model
@pytest.mark.parametrize("filler", [0, 7])
def test_padding_changes_nothing(name, filler):
    batch, _, _ = random_batch(FEATURES)
    real = tf.sequence_mask(batch["history_length"], LENGTH + 3)
    padded = dict(batch)
    for feature in FEATURES.features:
        if feature.sequence:
            value = tf.pad(batch[feature.name], [[0, 0], [0, 3]])
            padded[feature.name] = tf.where(real, value, tf.cast(filler, value.dtype))
    model = shaken(name)
    np.testing.assert_allclose(model(padded), model(batch), rtol=1e-4, atol=1e-5)


@every_model
def test_rows_may_be_shuffled_and_do_not_see_each_other(name):
    model = shaken(name)
    batch, _, _ = random_batch(FEATURES, 40)
    logits = model(batch).numpy()
    assert np.ptp(logits) > 1e-3
    order = np.random.default_rng(0).permutation(40)
    for rows in (order, order[:7], order[:1]):
        part = model({key: tf.gather(value, rows) for key, value in batch.items()})
        np.testing.assert_allclose(part, logits[rows], rtol=1e-4, atol=1e-5)


@every_model
@pytest.mark.parametrize("length", [0, 1, LENGTH])
def test_candidates_of_a_request_may_share_its_history(name, length):
    """One user in one scenario; histories of every kind score as if they were written out for each candidate."""
    batch, _, _ = random_batch(FEATURES, 12, seed=3)
    flat = dict(batch) | {"history_length": tf.fill([12], tf.constant(length, tf.int64))}
    for feature in FEATURES.features:
        if feature.group not in ("item", "context"):
            flat[feature.name] = tf.repeat(batch[feature.name][5:6], 12, 0)
    together = {f.name for f in FEATURES.features if f.sequence} | {"history_length"}
    request = {key: value[0] if key in together else value for key, value in flat.items()}
    model = shaken(name)
    expected = model(flat).numpy()
    assert np.ptp(expected) > 1e-3
    for call in (model, tf.function(lambda features: model(features))):
        found = call(request)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(tf.sigmoid(found), tf.sigmoid(expected), atol=1e-6)
    nothing = {key: value if key in together else value[:0] for key, value in request.items()}
    assert model(nothing).shape == (0,)


@every_model
def test_folding_changes_neither_scores_nor_weights(name):
    keras.utils.set_random_seed(1)
    model = build_model(name, FEATURES, SETTINGS)
    shake(model)
    for weight in model.non_trainable_weights:
        if "moving" in weight.name:
            weight.assign(tf.random.uniform(weight.shape, 0.5, 2.0))
    batch, _, _ = random_batch(FEATURES, 40)
    expected, names = model(batch).numpy(), named_weights(model).keys()
    model.fold()
    assert named_weights(model).keys() == names
    np.testing.assert_allclose(model(batch), expected, rtol=1e-4, atol=1e-5)
    for weight in model.trainable_weights:
        weight.assign(weight * 0.5)
    model.unfold()
    changed = model(batch).numpy()
    assert not np.allclose(changed, expected)


@every_model
def test_unseen_scenario_and_empty_history_are_served(name):
    batch, _, _ = random_batch(FEATURES)
    scenario = tf.constant([0, 999, -1, 3] * 4, tf.int64)
    strange = {**batch, FEATURES.scenario: scenario, "history_length": tf.zeros(16, tf.int64)}
    logits = shaken(name)(strange).numpy()
    assert np.isfinite(logits).all()
    unknown = shaken(name)({**strange, FEATURES.scenario: tf.constant([0, 0, 0, 3] * 4, tf.int64)})
    np.testing.assert_allclose(logits, unknown, rtol=1e-5, atol=1e-6)


@every_model
@pytest.mark.parametrize("scenarios", [1, 3, 500])
def test_any_number_of_scenarios(name, scenarios):
    features = small_features(scenarios)
    batch, _, _ = random_batch(features, 40)
    logits = build_model(name, features, SETTINGS)(batch, training=True)
    assert logits.shape == (40,) and np.isfinite(logits).all()


@every_model
def test_fresh_model_predicts_the_click_rate(name):
    keras.utils.set_random_seed(1)
    model = build_model(name, FEATURES, SETTINGS)
    before = model(random_batch(FEATURES, 64)[0]).numpy()
    model.start_at(0.03)
    after = model(random_batch(FEATURES, 64)[0]).numpy()
    np.testing.assert_allclose(after - before, np.log(0.03 / 0.97), rtol=0.02)


@every_model
def test_names_address_every_weight_and_its_table(name):
    model = shaken(name)
    names, rows = named_weights(model), FEATURES.tables
    assert len(names) == len({id(weight) for weight in model.weights})
    assert all(names[weight].shape[0] == rows[table] for weight, table in table_of(model).items())
    training = named_weights(training_model(model))
    assert {f"serving/{n}" for n in names} <= training.keys()


@every_model
def test_configuration_round_trip(name):
    model = shaken(name)
    copy = type(model).from_config(model.get_config())
    values = named_weights(model)
    assert named_weights(copy).keys() == values.keys()
    for weight, variable in named_weights(copy).items():
        variable.assign(values[weight])
    batch, _, _ = random_batch(FEATURES)
    np.testing.assert_array_equal(copy(batch), model(batch))


@every_model
def test_every_layer_can_be_made_again(name):
    parts = [part for part in shaken(name).submodules if isinstance(part, ConfiguredLayer)]
    assert parts
    for layer in parts:
        copy = type(layer).from_config(json.loads(json.dumps(layer.get_config())))
        assert copy.get_config() == layer.get_config()
