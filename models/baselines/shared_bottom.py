"""A shared network with a tower for every scenario on it."""

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
from scenerank.models.layers.scenario_mlp import ScenarioMLP
from scenerank.models.settings import ModelSettings


class SharedBottomSettings(ModelSettings):
    """Shared bottom's settings.

    Attributes:
      bottom_units: layers that all scenarios share.
      tower_units: hidden layers of each scenario's tower, and of the auxiliary one; see `TowerSettings`.
      auxiliary_tower: whether a tower that all scenarios share adds its logit (so in MARIA and SFPNet; SAR-Net and
        HierRec compare with the model without).
      activation, dropout: of all hidden layers.
    """

    bottom_units: tuple[pydantic.PositiveInt, ...] = (256, 128)
    tower_units: tuple[pydantic.PositiveInt, ...] = (64, 32)
    auxiliary_tower: bool = True
    activation: str = "relu"
    dropout: float = pydantic.Field(default=0.0, ge=0, lt=1)


@keras.utils.register_keras_serializable("scenerank")
class SharedBottom(RankingModel):
    """Shared bottom, also HPS or multi-DNN: `h = bottom([fields])`, `logit = tower_s(h) + auxiliary([h, e_s])`.

    The comparisons add "an auxiliary tower to enhance the ability to characterize the scenario indicator" and say
    no more: here it reads h and the scenario group's fields, and its logit is added. The scenarios' towers
    start with an output of 0, so that a scenario without rows is served by what all share.
    """

    registered = "shared_bottom"
    paper = "Caruana, Multitask Learning, Machine Learning 28, 1997; auxiliary tower: Tian et al., MARIA, SIGIR 2023"
    settings_class = SharedBottomSettings
    settings: SharedBottomSettings

    def __init__(
        self, features: Any, settings: SharedBottomSettings | Mapping[str, Any] | None = None, **options: Any
    ) -> None:
        super().__init__(features, settings, **options)
        s, f = self.settings, self.features
        self.embedding = FieldEmbedding(f, s.embedding, name="embedding")
        self.bottom = MLP(s.bottom_units, None, activation=s.activation, dropout=s.dropout, l2=s.l2, name="bottom")
        tower: dict[str, Any] = {"units": s.tower_units, "activation": s.activation, "dropout": s.dropout, "l2": s.l2}
        table = f[f.scenario].table
        self.tower = ScenarioMLP(f.scenarios, table, zero_output=True, name="tower", **tower)
        self.auxiliary = MLP(name="auxiliary", **tower) if s.auxiliary_tower else None

    def call(self, features: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        embedded = self.embedding(features, training=training)
        state = self.bottom(concatenate(embedded, self.embedding.fields), training=training)
        routes = self.routes(features)
        logit = self.tower(state, routes, training=training)
        if self.auxiliary is not None:
            scenario = concatenate(embedded, self.features.group("scenario"))
            logit += self.auxiliary(tf.concat([state, scenario], -1), training=training)
        return tf.cast(logit[:, 0], tf.float32)

    def output_biases(self) -> list[tf.Variable]:
        return [self.tower.output_bias if self.auxiliary is None else self.auxiliary.output_bias]
