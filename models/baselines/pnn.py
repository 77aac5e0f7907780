"""PNN (Qu et al., ICDM 2016)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import tensorflow as tf
import tf_keras as keras

from scenerank.models.base import RankingModel
from scenerank.models.baselines.deep import DeepSettings, deep_network
from scenerank.models.layers.embedding import concatenate
from scenerank.models.layers.fields import FieldEmbedding, stack
from scenerank.models.layers.pairs import inner_products


class PNNSettings(DeepSettings):
    """PNN's switches.

    Attributes:
      product: `inner`: IPNN, `<f_i, f_j>` of each pair; `outer`: OPNN, `f_S f_S^T` with `f_S` the sum of the fields'
        vectors (Eq. 13); `both` of them.
    """

    product: Literal["inner", "outer", "both"] = "inner"


@keras.utils.register_keras_serializable("scenerank")
class PNN(RankingModel):
    """PNN: a DNN whose first layer reads the fields' vectors z and their products p, `relu(W_z z + W_p p + b)` (Eq. 2).

    `W_p` is a full matrix; the paper's factorisation of it only saves time. Of the symmetric inner products one of
    each pair is kept, and none of a field with itself.
    """

    registered = "pnn"
    paper = "Qu et al., Product-based Neural Networks for User Response Prediction, ICDM 2016"
    settings_class = PNNSettings
    settings: PNNSettings

    def __init__(self, features: Any, settings: PNNSettings | Mapping[str, Any] | None = None, **options: Any) -> None:
        super().__init__(features, settings, **options)
        self.fields = FieldEmbedding(self.features, self.settings.embedding.uniform(), name="fields")
        self.deep = deep_network(self.settings)

    def signals(self, features: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """Vectors and products of the fields, `[z, p]`, float `[B, F d + products]`."""
        embedded = self.fields(features, training=training)
        parts = [concatenate(embedded, self.fields.fields)]
        stacked = stack(embedded, self.fields.fields)
        if self.settings.product in ("inner", "both"):
            parts.append(inner_products(stacked))
        if self.settings.product in ("outer", "both"):
            total = tf.reduce_sum(stacked, 1)
            outer = total[:, :, tf.newaxis] * total[:, tf.newaxis, :]
            parts.append(tf.reshape(outer, [-1, total.shape[1] ** 2]))
        return tf.concat(parts, -1)

    def call(self, features: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        signals = self.signals(features, training)
        return tf.cast(self.deep(signals, training=training)[:, 0], tf.float32)

    def output_biases(self) -> list[tf.Variable]:
        return [self.deep.output_bias]
