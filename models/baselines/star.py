"""Star topology adaptive recommender."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pydantic
import tensorflow as tf
import tf_keras as keras

from scenerank.models.base import RankingModel
from scenerank.models.layers.embedding import concatenate
from scenerank.models.layers.fields import FieldEmbedding
from scenerank.models.layers.mlp import MLP
from scenerank.models.layers.partitioned_norm import PartitionedNormalization
from scenerank.models.layers.star_dense import StarDense, through
from scenerank.models.settings import ModelSettings


class STARSettings(ModelSettings):
    """STAR's settings.

    Attributes:
      units: hidden layers of the star topology network; narrow, see `TowerSettings`: every scenario has all of them.
      partitioned_norm: whether its input is normalised by scenario.
      auxiliary: whether there is the auxiliary network.
      auxiliary_units: its hidden layers.
      activation, dropout: of all hidden layers.
    """

    units: tuple[pydantic.PositiveInt, ...] = (48, 32)
    partitioned_norm: bool = True
    auxiliary: bool = True
    auxiliary_units: tuple[pydantic.PositiveInt, ...] = (32,)
    activation: str = "relu"
    dropout: float = pydantic.Field(default=0.0, ge=0, lt=1)


@keras.utils.register_keras_serializable("scenerank")
class STAR(RankingModel):
    """STAR: `logit = star(normalised [fields]) + auxiliary([e_s, fields])`.

    `star` is a network of `StarDense` layers, whose last one is linear; its input goes through
    `PartitionedNormalization`, and nothing else is normalised. The auxiliary network reads the scenario's fields beside
    the others, not normalised, and its output is added. At inference moments are the moving ones: a row's logit does
    not depend on the batch.
    """

    registered = "star"
    paper = (
        "Sheng et al., One Model to Serve All: Star Topology Adaptive Recommender for Multi-Domain CTR Prediction, "
        "CIKM 2021"
    )
    settings_class = STARSettings
    settings: STARSettings

    def __init__(self, features: Any, settings: STARSettings | Mapping[str, Any] | None = None, **options: Any) -> None:
        super().__init__(features, settings, **options)
        s, f = self.settings, self.features
        table = f[f.scenario].table
        self.embedding = FieldEmbedding(f, s.embedding, name="embedding")
        self.norm = PartitionedNormalization(f.scenarios, table, name="norm") if s.partitioned_norm else None
        self.star = [
            StarDense(f.scenarios, units, table=table, l2=s.l2, name=f"star_{i}")
            for i, units in enumerate((*s.units, 1))
        ]
        self.activate = keras.layers.Activation(s.activation)
        self.auxiliary = None
        if s.auxiliary:
            self.auxiliary = MLP(
                s.auxiliary_units, 1, activation=s.activation, dropout=s.dropout, l2=s.l2, name="auxiliary"
            )

    def call(self, features: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        embedded = self.embedding(features, training=training)
        vector = concatenate(embedded, self.embedding.fields)
        scenario = self.scenario_of(features)
        routes = self.routes(features)
        hidden = vector if self.norm is None else self.norm(vector, scenario, training=training)
        blocks = routes.group(hidden)
        blocks = through(self.star, blocks, routes, self.activate, self.settings.dropout, training)
        logit = routes.ungroup(blocks)
        if self.auxiliary is not None:
            logit += self.auxiliary(vector, training=training)
        return tf.cast(logit[:, 0], tf.float32)

    def output_biases(self) -> list[tf.Variable]:
        return [self.star[-1].shared_bias]
