"""Multi-domain adversarial learning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pydantic
import tensorflow as tf
import tf_keras as keras

from scenerank.models.base import RankingModel
from scenerank.models.layers.embedding import concatenate
from scenerank.models.layers.fields import FieldEmbedding
from scenerank.models.layers.gradient_reversal import ScenarioDiscriminator
from scenerank.models.layers.mlp import MLP
from scenerank.models.settings import ModelSettings
from scenerank.models.training import Outputs, TrainingModel


class MulANNSettings(ModelSettings):
    """MulANN's settings; widths and weight are those of MARIA's comparison.

    Attributes:
      bottom_units: layers whose state is to tell nothing of the scenario.
      tower_units: hidden layers of the prediction.
      discriminator_units: hidden layers of the discriminator.
      discriminator_weight: of its cross-entropy in the loss, and so of the reversed gradient; 0: no discriminator.
      activation, dropout: of all hidden layers.
    """

    bottom_units: tuple[pydantic.PositiveInt, ...] = pydantic.Field(default=(256,), min_length=1)
    tower_units: tuple[pydantic.PositiveInt, ...] = (128, 64, 32)
    discriminator_units: tuple[pydantic.PositiveInt, ...] = (64,)
    discriminator_weight: float = pydantic.Field(default=0.1, ge=0)
    activation: str = "relu"
    dropout: float = pydantic.Field(default=0.0, ge=0, lt=1)


@keras.utils.register_keras_serializable("scenerank")
class MulANN(RankingModel):
    """MulANN in the form of MARIA's comparison: `h = bottom([fields but the scenario's])`,
    `logit = tower([h, e_s])`, with h trained against a discriminator of scenarios (see `MulANNTraining`).

    Where the comparison is silent: the scenario group's fields do not enter h, which is to be free of them, but
    the tower beside h. The original's second part, examples whose domain lacks their class, has no counterpart here.
    """

    registered = "mulann"
    paper = "Schoenauer-Sebag et al., Multi-Domain Adversarial Learning, ICLR 2019"
    settings_class = MulANNSettings
    settings: MulANNSettings

    def __init__(
        self, features: Any, settings: MulANNSettings | Mapping[str, Any] | None = None, **options: Any
    ) -> None:
        super().__init__(features, settings, **options)
        s = self.settings
        self.embedding = FieldEmbedding(self.features, s.embedding, name="embedding")
        self.shared = tuple(f for f in self.embedding.fields if f.group != "scenario")
        common: dict[str, Any] = {"activation": s.activation, "dropout": s.dropout, "l2": s.l2}
        self.bottom = MLP(s.bottom_units, None, **common, name="bottom")
        self.tower = MLP(s.tower_units, **common, name="tower")

    def state_and_logit(self, features: Mapping[str, tf.Tensor], training: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
        """Computes h, float `[B, bottom_units[-1]]`, and the logit, float32 `[B]`."""
        embedded = self.embedding(features, training=training)
        state = self.bottom(concatenate(embedded, self.shared), training=training)
        scenario = concatenate(embedded, self.features.group("scenario"))
        logit = self.tower(tf.concat([state, scenario], -1), training=training)
        return state, tf.cast(logit[:, 0], tf.float32)

    def call(self, features: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        return self.state_and_logit(features, training)[1]

    def output_biases(self) -> list[tf.Variable]:
        return [self.tower.output_bias]

    def training_class(self) -> type[TrainingModel]:
        return MulANNTraining if self.settings.discriminator_weight else TrainingModel


@keras.utils.register_keras_serializable("scenerank")
class MulANNTraining(TrainingModel):
    """MulANN with its discriminator, which learns to guess the scenario from h while h learns to prevent it."""

    serving: MulANN
    auxiliary = ("discriminator",)

    def __init__(self, serving: MulANN, debias: Any = None, **options: Any) -> None:
        super().__init__(serving, debias, **options)
        s, f = serving.settings, serving.features
        self.discriminator = ScenarioDiscriminator(
            f.scenarios,
            f[f.scenario].table,
            units=s.discriminator_units,
            activation=s.activation,
            dropout=s.dropout,
            l2=s.l2,
            name="discriminator",
        )

    def forward(self, features: Mapping[str, tf.Tensor], training: bool = True) -> Outputs:
        state, logit = self.serving.state_and_logit(features, training)
        losses = self.discriminator(state, self.serving.scenario_of(features), training=training)
        return Outputs(logit, {"discriminator": self.serving.settings.discriminator_weight * losses})
