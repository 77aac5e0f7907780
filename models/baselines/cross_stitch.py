"""Cross-stitch networks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pydantic
import tensorflow as tf
import tf_keras as keras

from scenerank.models.base import RankingModel
from scenerank.models.layers.cross_stitch import CrossStitchNetworks
from scenerank.models.layers.embedding import concatenate
from scenerank.models.layers.fields import FieldEmbedding
from scenerank.models.layers.scenario_dense import ScenarioDense
from scenerank.models.settings import ModelSettings


class CrossStitchSettings(ModelSettings):
    """Cross-stitch's settings.

    Attributes:
      units: hidden layers of each scenario's network; narrow, since a row goes through all of them.
      own: share of a scenario's own network at the start; the others have the rest (the paper: high values for
        the own one learn best).
      activation, dropout: of the hidden layers.
    """

    units: tuple[pydantic.PositiveInt, ...] = pydantic.Field(default=(64, 32), min_length=1)
    own: float = pydantic.Field(default=0.9, ge=0, le=1)
    activation: str = "relu"
    dropout: float = pydantic.Field(default=0.0, ge=0, lt=1)


@keras.utils.register_keras_serializable("scenerank")
class CrossStitch(RankingModel):
    """Cross-stitch with scenarios for tasks: a network for every scenario, mixed after each hidden layer by learned
    shares (see `CrossStitchNetworks`); `logit = w_s x_s + b_s` of the row's own scenario's last state.

    A batch costs S networks by definition. Outputs start at 0: a scenario without rows keeps the click rate that
    `start_at` gave it, unless `scenario_dropout` teaches the unknown one more.
    """

    registered = "cross_stitch"
    paper = "Misra et al., Cross-stitch Networks for Multi-task Learning, CVPR 2016"
    settings_class = CrossStitchSettings
    settings: CrossStitchSettings

    def __init__(
        self, features: Any, settings: CrossStitchSettings | Mapping[str, Any] | None = None, **options: Any
    ) -> None:
        super().__init__(features, settings, **options)
        s, f = self.settings, self.features
        table = f[f.scenario].table
        self.embedding = FieldEmbedding(f, s.embedding, name="embedding")
        self.networks = CrossStitchNetworks(
            f.scenarios,
            table,
            units=s.units,
            own=s.own,
            activation=s.activation,
            dropout=s.dropout,
            l2=s.l2,
            name="networks",
        )
        self.last = ScenarioDense(f.scenarios, 1, table=table, kernel_initializer="zeros", l2=s.l2, name="output")

    def call(self, features: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        vector = concatenate(self.embedding(features, training=training), self.embedding.fields)
        scenario = self.scenario_of(features)
        state = self.networks(vector, scenario, training=training)
        logit = self.last(state, self.routes(features), training=training)
        return tf.cast(logit[:, 0], tf.float32)

    def output_biases(self) -> list[tf.Variable]:
        return [self.last.bias]
