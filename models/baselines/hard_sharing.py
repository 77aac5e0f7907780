"""One network for all scenarios."""

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
from scenerank.models.settings import ModelSettings


class HardSharingSettings(ModelSettings):
    """Hard sharing's settings; the widths are those of SFPNet's comparison.

    Attributes:
      units: hidden layers.
      activation, dropout: of the hidden layers.
      normalize: whether they are batch-normalised.
    """

    units: tuple[pydantic.PositiveInt, ...] = (256, 128, 64)
    activation: str = "relu"
    dropout: float = pydantic.Field(default=0.0, ge=0, lt=1)
    normalize: bool = False


@keras.utils.register_keras_serializable("scenerank")
class HardSharing(RankingModel):
    """Hard sharing, also BaseDNN: `logit = MLP([fields])`, with no parameters of any scenario's own but its embedding.

    The input is the concatenation of all fields, the behaviors' columns as means.
    """

    registered = "hard_sharing"
    paper = "Caruana, Multitask Learning, Machine Learning 28, 1997"
    settings_class = HardSharingSettings
    settings: HardSharingSettings

    def __init__(
        self, features: Any, settings: HardSharingSettings | Mapping[str, Any] | None = None, **options: Any
    ) -> None:
        super().__init__(features, settings, **options)
        s = self.settings
        self.embedding = FieldEmbedding(self.features, s.embedding, name="embedding")
        self.network = MLP(
            s.units, 1, activation=s.activation, dropout=s.dropout, l2=s.l2, normalize=s.normalize, name="network"
        )

    def call(self, features: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        vector = concatenate(self.embedding(features, training=training), self.embedding.fields)
        return tf.cast(self.network(vector, training=training)[:, 0], tf.float32)

    def output_biases(self) -> list[tf.Variable]:
        return [self.network.output_bias]
