"""AutoDis (Guo et al., KDD 2021) in front of a DNN."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tf_keras as keras

from scenerank.models.base import RankingModel
from scenerank.models.baselines.deep import DeepSettings, deep_network
from scenerank.models.layers.embedding import concatenate
from scenerank.models.layers.fields import FieldEmbedding


@keras.utils.register_keras_serializable("scenerank")
class AutoDisDNN(RankingModel):
    """AutoDis: a DNN over the fields, whose numeric ones an `AutoDis` layer embeds, of `embedding.autodis`'s settings.

    Any other model embeds numbers so under `embedding.numeric: autodis`. Without a numeric column this is a plain DNN.
    """

    registered = "autodis"
    paper = "Guo et al., An Embedding Learning Framework for Numerical Features in CTR Prediction, KDD 2021"
    settings_class = DeepSettings
    settings: DeepSettings

    def __init__(self, features: Any, settings: DeepSettings | Mapping[str, Any] | None = None, **options: Any) -> None:
        super().__init__(features, settings, **options)
        embedding = self.settings.embedding.model_copy(update={"numeric": "autodis"})
        self.fields = FieldEmbedding(self.features, embedding, name="fields")
        self.deep = deep_network(self.settings)

    def call(self, features: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        embedded = concatenate(self.fields(features, training=training), self.fields.fields)
        return tf.cast(self.deep(embedded, training=training)[:, 0], tf.float32)

    def output_biases(self) -> list[tf.Variable]:
        return [self.deep.output_bias]
