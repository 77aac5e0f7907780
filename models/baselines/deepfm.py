"""DeepFM (Guo et al., IJCAI 2017)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tf_keras as keras

from scenerank.models.base import RankingModel
from scenerank.models.baselines.deep import DeepSettings, deep_network
from scenerank.models.layers.embedding import concatenate
from scenerank.models.layers.fields import FieldEmbedding, stack
from scenerank.models.layers.linear import LinearTerm
from scenerank.models.layers.pairs import factorization


@keras.utils.register_keras_serializable("scenerank")
class DeepFM(RankingModel):
    """DeepFM: a factorisation machine and a DNN that share their embeddings; the logit is their sum (Eqs. 1-4).

    All fields have one width. A column of the history is one field, the mean of its vectors.
    """

    registered = "deepfm"
    paper = "Guo et al., DeepFM: A Factorization-Machine based Neural Network for CTR Prediction, IJCAI 2017"
    settings_class = DeepSettings
    settings: DeepSettings

    def __init__(self, features: Any, settings: DeepSettings | Mapping[str, Any] | None = None, **options: Any) -> None:
        super().__init__(features, settings, **options)
        self.fields = FieldEmbedding(self.features, self.settings.embedding.uniform(), name="fields")
        self.linear = LinearTerm(self.features, self.settings.embedding, name="linear")
        self.deep = deep_network(self.settings)

    def call(self, features: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        embedded = self.fields(features, training=training)
        second = factorization(stack(embedded, self.fields.fields))
        deep = self.deep(concatenate(embedded, self.fields.fields), training=training)[:, 0]
        return self.linear(features, training=training) + second + tf.cast(deep, tf.float32)

    def output_biases(self) -> list[tf.Variable]:
        return [self.deep.output_bias]
