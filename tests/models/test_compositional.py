"""Two small tables in place of a large one."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from scenerank.models.base import named_weights, table_of
from scenerank.models.layers.embedding import FeatureEmbedding, compositional_rows
from scenerank.models.registry import MODELS, SCENARIO_MODELS, build_model
from scenerank.models.training import training_model
from scenerank.schemas.features import Feature
from tests.models.conftest import random_batch, shake, small_features


def embedding(rows: int, remainders: int) -> FeatureEmbedding:
    layer = FeatureEmbedding(
        [Feature("user", "user", True, rows, "user", "user")], {"dim": 3, "compositional": {"user": remainders}}
    )
    layer.build()
    return layer


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 300), st.integers(1, 400))
def test_every_value_has_a_vector_of_its_own(rows, remainders):
    layer = embedding(rows, remainders)
    vectors = layer({"user": tf.range(rows, dtype=tf.int64)})["user"].numpy()
    assert vectors.shape == (rows, 3) and len(np.unique(vectors, axis=0)) == rows
    assert [w.shape[0] for w in layer.weights] == list(compositional_rows(rows, remainders))


def test_it_is_the_product_of_remainder_and_quotient():
    layer = embedding(30, 7)
    remainders, quotients = (weight.numpy() for weight in layer.weights)
    np.testing.assert_allclose(layer({"user": tf.constant([16])})["user"], remainders[[2]] * quotients[[2]], rtol=1e-6)
    np.testing.assert_array_equal(layer({"user": tf.constant([99])})["user"], layer({"user": tf.constant([0])})["user"])


def test_a_hundred_million_rows_become_twenty_thousand():
    assert sum(compositional_rows(100_000_000, 10_000)) == 20_000


@pytest.mark.parametrize("name", [model.registered for model in SCENARIO_MODELS])
def test_models_train_with_it(name):
    features = small_features()
    chosen = {"embedding": {"dim": 4, "compositional": {"user": 7}}, **MODELS[name].without_noise}
    training = training_model(build_model(name, features, chosen))
    shake(training)
    names = [n for n in named_weights(training) if n.endswith("remainder_user")]
    assert names and not set(names) & set(table_of(training))
    before = [named_weights(training)[n].numpy() for n in names]
    training.compile(optimizer="adam")
    training.train_step(random_batch(features, 32))
    assert any(np.any(named_weights(training)[n].numpy() != old) for n, old in zip(names, before))


def test_only_ids_can_be_composed():
    with pytest.raises(ValueError, match="embedding.compositional names page, which is no such table: use some of"):
        build_model("sar_net", small_features(), {"embedding": {"compositional": {"page": 2}}})
