"""AutoDis against NumPy, in its own model and in others."""

import dataclasses

import numpy as np
import pydantic
import pytest

from scenerank.models.baselines.autodis import AutoDisDNN
from scenerank.models.baselines.deepfm import DeepFM
from scenerank.models.layers.embedding import concatenate
from tests.models.conftest import random_batch, shake, small_features
from tests.models.numpy_layers import mlp, softmax

D = 4
FEATURES = small_features()
BATCH, _, _ = random_batch(FEATURES, 12)
BASE = {"embedding": {"dim": D}, "units": (6, 5)}


def built(**settings):
    model = AutoDisDNN(FEATURES, {**BASE, **settings})
    model.build_weights()
    shake(model)
    return model


def test_autodis_is_a_mean_of_meta_embeddings():
    settings = {"dim": D, "autodis": {"meta_embeddings": 3, "temperature": 0.7, "skip": 0.4}}
    model = built(embedding=settings)
    assert built(embedding={"dim": D, "numeric": "vector"}).fields.embedding.autodis is not None
    embedding = model.fields.embedding
    project, mix, meta = (weight.numpy() for weight in embedding.autodis.weights)
    embedded = embedding(BATCH)
    for name in ("price", "rate", "history_price"):
        j, x = ["price", "rate"].index(name.removeprefix("history_")), BATCH[name].numpy()[..., None]
        hidden = np.where(x * project[j] > 0, x * project[j], 0.2 * x * project[j])
        expected = softmax((hidden @ mix[j] + 0.4 * hidden) / 0.7) @ meta[j]
        np.testing.assert_allclose(embedded[name], expected, rtol=1e-4, atol=1e-5)
    fields = concatenate(model.fields(BATCH), model.fields.fields).numpy()
    np.testing.assert_allclose(model(BATCH), mlp(model.deep, fields)[:, 0], rtol=1e-4, atol=1e-4)
    assert project.size + mix.size + meta.size == 2 * (3 + 3 * 3 + 3 * D)


def test_autodis_without_numbers_and_in_other_models():
    plain = tuple(f for f in FEATURES.features if f.categorical)
    model = AutoDisDNN(dataclasses.replace(FEATURES, features=plain), BASE)
    model.build_weights()
    assert model.fields.embedding.autodis is None and np.isfinite(model(BATCH)).all()
    fm = DeepFM(FEATURES, {**BASE, "embedding": {"dim": D, "numeric": "autodis"}})
    fm.build_weights()
    assert fm.fields.embedding.autodis is not None and fm.fields.width == len(fm.fields.fields) * D
    with pytest.raises(ValueError, match="price"):
        AutoDisDNN(FEATURES, {"embedding": {"dims": {"price": 3}}})


def test_wrong_settings_are_refused():
    with pytest.raises(pydantic.ValidationError, match="temperature"):
        AutoDisDNN(FEATURES, {"embedding": {"autodis": {"temperature": 0}}})
