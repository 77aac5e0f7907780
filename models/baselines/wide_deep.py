"""Wide & Deep (Cheng et al., DLRS 2016)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tf_keras as keras

from scenerank.models.base import RankingModel
from scenerank.models.baselines.deep import DeepSettings, deep_network
from scenerank.models.layers.embedding import concatenate
from scenerank.models.layers.fields import FieldEmbedding
from scenerank.models.layers.linear import LinearTerm


@keras.utils.register_keras_serializable("scenerank")
class WideDeep(RankingModel):
    """Wide & Deep: a linear model and a DNN over the same features, trained together; the logit is their sum (Eq. 3).

    The wide part is logistic regression over all features, as SAR-Net's comparison describes it. The cross products
    that the paper's authors pick by hand for their shop are not part of the definition here.
    """

    registered = "wide_deep"
    paper = "Cheng et al., Wide & Deep Learning for Recommender Systems, DLRS 2016"
    settings_class = DeepSettings
    settings: DeepSettings

    def __init__(self, features: Any, settings: DeepSettings | Mapping[str, Any] | None = None, **options: Any) -> None:
        super().__init__(features, settings, **options)
        self.fields = FieldEmbedding(self.features, self.settings.embedding, name="fields")
        self.wide = LinearTerm(self.features, self.settings.embedding, name="wide")
        self.deep = deep_network(self.settings)

    def call(self, features: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        embedded = concatenate(self.fields(features, training=training), self.fields.fields)
        deep = self.deep(embedded, training=training)[:, 0]
        return self.wide(features, training=training) + tf.cast(deep, tf.float32)

    def output_biases(self) -> list[tf.Variable]:
        return [self.deep.output_bias]
