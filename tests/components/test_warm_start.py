"""Weights carried over to other vocabularies."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from scenerank.components.trainer.checkpoint.warm_start import move_rows, predecessors, warm_start
from scenerank.components.trainer.checkpoint.weights import Weights
from scenerank.models.base import example_batch, named_weights, table_of
from scenerank.models.registry import build_model
from scenerank.models.training import training_model
from scenerank.schemas import FAIRNESS, HISTORY_LENGTH
from scenerank.schemas.features import FeatureSet, feature_set
from tests.components import tiny

values = st.lists(st.text(max_size=3), unique=True, max_size=12)


@settings(max_examples=200, deadline=None)
@given(values, values, st.booleans())
def test_every_value_keeps_its_row(before: list[str], now: list[str], unknown: bool):
    old = np.arange(1 + len(before), dtype=np.float32)[:, np.newaxis]
    fresh = -1 - np.arange(1 + len(now), dtype=np.float32)[:, np.newaxis]
    moved = move_rows(old, fresh, predecessors(before, now), unknown)
    assert moved[0] == old[0]
    for row, value in enumerate(now, start=1):
        if value in before:
            assert moved[row] == old[1 + before.index(value)]
        else:
            assert moved[row] == (old[0] if unknown else fresh[row])


@settings(max_examples=100, deadline=None)
@given(values, st.randoms())
def test_there_and_back_changes_nothing(before: list[str], random):
    now = random.sample(before, len(before))
    old = np.random.default_rng(0).normal(size=(1 + len(before), 2, 3))
    there = move_rows(old, np.zeros_like(old), predecessors(before, now))
    np.testing.assert_array_equal(move_rows(there, np.zeros_like(old), predecessors(now, before)), old)


def model_of(vocabularies: dict[str, list[str]]) -> tuple[FeatureSet, tf.keras.Model]:
    features = feature_set(tiny.DECLARATION, {name: len(words) for name, words in vocabularies.items()})
    training = training_model(build_model("sar_net", features, tiny.SMALL))
    training({**example_batch(features, 2, 1), FAIRNESS: tf.ones(2)})
    return features, training


def rows_of(features: FeatureSet, raw: dict[str, list[str]], words: dict[str, list[str]]) -> dict[str, tf.Tensor]:
    """Inputs with these raw values where there is a vocabulary; the rest random but the same for every model."""
    rng = np.random.default_rng(1)
    rows = len(next(iter(raw.values())))
    batch = {HISTORY_LENGTH: tf.constant(rng.integers(0, 4, rows))}
    for feature in features.features:
        shape = (rows, 3) if feature.sequence else (rows,)
        if feature.source in words:
            place = rng.integers(0, rows, shape)
            chosen = np.array(raw[feature.source])[place if feature.sequence else slice(None)]
            index = {value: 1 + row for row, value in enumerate(words[feature.source])}
            batch[feature.name] = tf.constant(np.vectorize(index.__getitem__)(chosen), tf.int64)
        elif feature.categorical:
            batch[feature.name] = tf.constant(rng.integers(0, 3, shape))
        else:
            batch[feature.name] = tf.constant(rng.normal(size=shape), tf.float32)
    return batch


@pytest.mark.parametrize("new_rows", ["initial", "unknown"])
def test_a_grown_and_reordered_model_says_the_same_of_what_it_knew(new_rows: str):
    """More scenarios, levels and brands, in another order: scores of the old ones are the same to the bit."""
    before = {"scenario": ["s0", "s1", "s2"], "level": ["0", "1"], "brand": ["b0", "b1", "b2"]}
    now = {"scenario": ["s9", "s2", "s0", "s8", "s1"], "level": ["2", "1", "0"], "brand": ["b2", "b7", "b1", "b0"]}
    old_features, old = model_of(before)
    new_features, new = model_of(now)
    for variable in named_weights(old).values():
        variable.assign(tf.random.stateless_uniform(variable.shape, [1, 2], 0.1, 0.9))
    arrays = {name: variable.numpy() for name, variable in named_weights(old).items()}
    fresh = {name: variable.numpy() for name, variable in named_weights(new).items()}
    values, report = warm_start(fresh, table_of(new), now, Weights(arrays, old_features, before), new_rows)
    assert not report.cold and not report.dropped and report.moved and report.warm
    for name, variable in named_weights(new).items():
        variable.assign(values[name])
    raw = {"scenario": ["s0", "s1", "s2", "s1"], "level": ["0", "1", "1", "0"], "brand": ["b0", "b1", "b2", "b0"]}
    expected = old.serving(rows_of(old_features, raw, before))
    np.testing.assert_allclose(new.serving(rows_of(new_features, raw, now)), expected, rtol=1e-5)
    name = next(n for n, table in table_of(new).items() if table == "scenario" and "embedding" in n)
    np.testing.assert_array_equal(values[name][1], arrays[name][0] if new_rows == "unknown" else fresh[name][1])


def test_what_does_not_fit_starts_anew_and_is_named():
    features, _ = model_of({"scenario": ["a"], "level": ["1"], "brand": ["b"]})
    old = Weights(
        {"kernel": np.ones((3, 2)), "hashed": np.ones((5, 2)), "coded": np.ones((2, 2)), "gone": np.ones(1)},
        features,
        {"coded_table": ["x"]},
    )
    fresh = {
        n: np.zeros(shape) for n, shape in {"kernel": (4, 2), "hashed": (6, 2), "coded": (2, 2), "new": (1,)}.items()
    }
    values, report = warm_start(fresh, {"hashed": "hash_table", "coded": "coded_table"}, {}, old)
    assert report.cold == {
        "kernel": "its shape is [4, 2], was [3, 2]",
        "hashed": "table 'hash_table' has 6 rows, had 5",
        "coded": "table 'coded_table' is encoded in another way than before",
        "new": "the served model has no such weight",
    }
    assert report.dropped == ["gone"]
    assert all(not value.any() for value in values.values())


def test_weights_folder_is_read_as_it_was_written(tmp_path):
    features, training = model_of({"scenario": ["a", "ü"], "level": ["1"], "brand": []})
    arrays = {name: variable.numpy() for name, variable in named_weights(training).items()}
    written = Weights(arrays, features, {"scenario": ["a", "ü"]})
    written.write(str(tmp_path / "weights"), {"epochs": []})
    read = Weights.read(str(tmp_path / "weights"))
    assert read is not None and read.features == features and read.vocabularies == written.vocabularies
    assert read.digest == written.digest
    assert Weights.read(str(tmp_path / "nothing")) is None
