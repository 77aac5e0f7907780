"""Layers are made by keyword and can be made again from their configuration."""

from __future__ import annotations

import inspect
import json
import pkgutil

import pytest
import tf_keras as keras

from scenerank.models import layers
from scenerank.models.layers.bias_nets import BiasNets
from scenerank.models.layers.configured import ConfiguredLayer
from scenerank.models.layers.dynamic_weights import LinearLayersStart
from scenerank.models.layers.embedding import FeatureEmbedding
from scenerank.models.layers.fields import FieldEmbedding
from scenerank.models.layers.mlp import MLP
from scenerank.models.layers.partitioned_norm import PartitionedNormalization
from scenerank.models.layers.weighted_batch_norm import WeightedBatchNormalization
from scenerank.models.settings import EmbeddingSettings
from scenerank.schemas.bias import DebiasSettings
from tests.models.conftest import small_features

FEATURES = small_features()
MADE = [
    (MLP, ((6, 4),), {"activation": "tanh", "dtype": "float64"}),
    (PartitionedNormalization, (3, "page"), {"window": 20.0}),
    (WeightedBatchNormalization, (), {"beta_initializer": LinearLayersStart((2, 3))}),
    (FeatureEmbedding, (FEATURES.features[:2], EmbeddingSettings(dim=3)), {"kept": ("page",)}),
    (FieldEmbedding, (FEATURES, {"dim": 3}), {"groups": ("user", "item")}),
    (
        BiasNets,
        (3, "page"),
        {"specific": 1, "shared": 0, "columns": FEATURES.bias, "settings": DebiasSettings(nets=True)},
    ),
]


@pytest.mark.parametrize(("cls", "arguments", "options"), MADE, ids=lambda value: getattr(value, "__name__", ""))
def test_configuration_holds_all_that_was_given(cls, arguments, options):
    layer = cls(*arguments, name="one", trainable=False, **options)
    config = json.loads(json.dumps(layer.get_config()))
    copy = cls.from_config(config)
    assert copy.get_config() == layer.get_config()
    assert copy.name == "one" and not copy.trainable and copy.dtype == layer.dtype
    assert set(options) <= set(config) and type(layer.given) is dict
    with keras.utils.custom_object_scope({cls.__name__: cls}):
        again = keras.layers.deserialize(keras.layers.serialize(layer))
    assert type(again) is cls and again.get_config() == layer.get_config()


def test_what_is_missing_or_unknown_is_told():
    with pytest.raises(TypeError, match="units"):
        MLP()
    with pytest.raises(TypeError, match="breadth"):
        MLP((4,), breadth=3)


def test_more_than_three_arguments_are_given_by_keyword():
    for module in pkgutil.iter_modules(layers.__path__, f"{layers.__name__}."):
        for cls in vars(__import__(module.name, fromlist=["_"])).values():
            if isinstance(cls, type) and issubclass(cls, ConfiguredLayer) and "__init__" in vars(cls):
                kinds = [p.kind for p in inspect.signature(cls).parameters.values()]
                assert kinds.count(inspect.Parameter.POSITIONAL_OR_KEYWORD) <= 3, cls.__name__
