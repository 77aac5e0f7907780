"""DCN-V2 (Wang et al., WWW 2021)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import pydantic
import tensorflow as tf
import tf_keras as keras
from tensorflow_recommenders.layers.feature_interaction import Cross

from scenerank.models.base import RankingModel
from scenerank.models.baselines.deep import DeepSettings, deep_network
from scenerank.models.layers.embedding import concatenate
from scenerank.models.layers.fields import FieldEmbedding


class DCNV2Settings(DeepSettings):
    """DCN-V2's switches.

    Attributes:
      cross_layers: number of cross layers.
      projection_dim: rank r of a cross layer's `W = U V^T` (Eq. 2); None: a full matrix (Eq. 1).
      structure: `stacked`: the DNN reads the cross layers' output; `parallel`: it reads the embeddings, and the
        logit is a linear map of both outputs side by side.
    """

    cross_layers: int = pydantic.Field(default=3, ge=1)
    projection_dim: int | None = pydantic.Field(default=None, ge=1)
    structure: Literal["stacked", "parallel"] = "stacked"


@keras.utils.register_keras_serializable("scenerank")
class DCNV2(RankingModel):
    """DCN-V2: cross layers `x_{l+1} = x_0 * (W_l x_l + b_l) + x_l` (Eq. 1), and a DNN on or beside them."""

    registered = "dcn_v2"
    paper = "Wang et al., DCN V2: Improved Deep & Cross Network and Practical Lessons, WWW 2021"
    settings_class = DCNV2Settings
    settings: DCNV2Settings

    def __init__(
        self, features: Any, settings: DCNV2Settings | Mapping[str, Any] | None = None, **options: Any
    ) -> None:
        super().__init__(features, settings, **options)
        s = self.settings
        self.fields = FieldEmbedding(self.features, s.embedding, name="fields")
        penalty = keras.regularizers.L2(s.l2) if s.l2 else None
        self.cross = [
            Cross(s.projection_dim, kernel_initializer="glorot_uniform", kernel_regularizer=penalty, name=f"cross_{i}")
            for i in range(s.cross_layers)
        ]
        self.deep = deep_network(s, outputs=None)
        self.head = keras.layers.Dense(1, kernel_regularizer=penalty, name="head")

    def call(self, features: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        start = concatenate(self.fields(features, training=training), self.fields.fields)
        crossed = start
        for layer in self.cross:
            crossed = layer(start, crossed)
        if self.settings.structure == "stacked":
            hidden = self.deep(crossed, training=training)
        else:
            hidden = tf.concat([crossed, self.deep(start, training=training)], -1)
        return tf.cast(self.head(hidden)[:, 0], tf.float32)

    def output_biases(self) -> list[tf.Variable]:
        return [self.head.bias]
