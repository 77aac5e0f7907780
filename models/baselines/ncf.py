"""NCF (He et al., WWW 2017)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pydantic
import tensorflow as tf
import tf_keras as keras

from scenerank.models.base import RankingModel
from scenerank.models.baselines.deep import DeepSettings, deep_network
from scenerank.models.layers.embedding import FeatureEmbedding, concatenate


class NCFSettings(DeepSettings):
    """NCF's sizes; `units` are the paper's tower that halves the width.

    Attributes:
      factors: width of the vectors that GMF multiplies.
    """

    units: tuple[pydantic.PositiveInt, ...] = pydantic.Field(default=(64, 32, 16), min_length=1)
    factors: int = pydantic.Field(default=16, ge=1)


@keras.utils.register_keras_serializable("scenerank")
class NCF(RankingModel):
    """NCF's NeuMF: `h^T [p_u * q_i, MLP([p'_u, q'_i])]` (Eq. 12), GMF and MLP with embeddings of their own.

    GMF multiplies the vectors of the user's and the item's id. The MLP reads all columns of the user and of the
    item, which the paper offers for users and items that are new (section 3.1). Nothing else is an input: neither
    scenario nor context nor history.
    """

    registered = "ncf"
    paper = "He et al., Neural Collaborative Filtering, WWW 2017"
    settings_class = NCFSettings
    settings: NCFSettings

    def __init__(self, features: Any, settings: NCFSettings | Mapping[str, Any] | None = None, **options: Any) -> None:
        super().__init__(features, settings, **options)
        s, f = self.settings, self.features
        self.ids = (f[f.user], f[f.item])
        self.columns = f.group("user", "item")
        dims = {table: dim for table, dim in s.embedding.dims.items() if table in {c.table for c in self.columns}}
        own = s.embedding.model_copy(update={"dims": dims})
        factors = s.embedding.model_copy(update={"dim": s.factors, "dims": {}})
        self.factors = FeatureEmbedding(self.ids, factors, name="factors")
        self.embedding = FeatureEmbedding(self.columns, own, name="embedding")
        self.mlp = deep_network(s, outputs=None, name="mlp")
        penalty = keras.regularizers.L2(s.l2) if s.l2 else None
        self.head = keras.layers.Dense(1, kernel_regularizer=penalty, name="head")

    def call(self, features: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        vectors = self.factors(features, training=training)
        user, item = (vectors[f.name] for f in self.ids)
        embedded = concatenate(self.embedding(features, training=training), self.columns)
        hidden = tf.concat([user * item, self.mlp(embedded, training=training)], -1)
        return tf.cast(self.head(hidden)[:, 0], tf.float32)

    def output_biases(self) -> list[tf.Variable]:
        return [self.head.bias]
