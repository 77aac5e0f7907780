"""What models with a tower for every scenario have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pydantic
import tensorflow as tf

from scenerank.models.base import RankingModel
from scenerank.models.layers.embedding import concatenate
from scenerank.models.layers.fields import FieldEmbedding
from scenerank.models.layers.scenario_mlp import ScenarioMLP
from scenerank.models.layers.scenario_routing import ScenarioRoutes
from scenerank.models.settings import ModelSettings


class TowerSettings(ModelSettings):
    """Settings of towers.

    Attributes:
      tower_units: hidden layers of each scenario's tower. Where there are hundreds of scenarios, a step moves nearly
        all of their towers: narrow ones keep it as fast as with few.
      activation, dropout: of all hidden layers.
    """

    tower_units: tuple[pydantic.PositiveInt, ...] = (64, 32)
    activation: str = "relu"
    dropout: float = pydantic.Field(default=0.0, ge=0, lt=1)


class TowerModel(RankingModel):
    """A model of towers, `logit = tower_s(represent([fields]))`: a row goes through its scenario's and no other.

    Subclasses compute the representation. Towers start with an output of 0: a scenario without rows keeps the click
    rate that `start_at` gave it, unless `scenario_dropout` teaches the unknown scenario's tower more.
    """

    settings: TowerSettings

    def __init__(
        self, features: Any, settings: TowerSettings | Mapping[str, Any] | None = None, **options: Any
    ) -> None:
        super().__init__(features, settings, **options)
        s, f = self.settings, self.features
        self.scenario_table = f[f.scenario].table
        self.embedding = FieldEmbedding(f, s.embedding, name="embedding")
        self.tower = ScenarioMLP(
            f.scenarios,
            self.scenario_table,
            units=s.tower_units,
            activation=s.activation,
            dropout=s.dropout,
            l2=s.l2,
            zero_output=True,
            name="tower",
        )

    def represent(self, vector: tf.Tensor, routes: ScenarioRoutes, training: bool = False) -> tf.Tensor:
        """Computes what the towers read, float `[B, any]`.

        Args:
          vector: the concatenated fields, float `[B, D]`.
          routes: of the batch.
        """
        raise NotImplementedError

    def call(self, features: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        vector = concatenate(self.embedding(features, training=training), self.embedding.fields)
        routes = self.routes(features)
        state = self.represent(vector, routes, training)
        return tf.cast(self.tower(state, routes, training=training)[:, 0], tf.float32)

    def output_biases(self) -> list[tf.Variable]:
        return [self.tower.output_bias]
