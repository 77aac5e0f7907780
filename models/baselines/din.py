"""DIN (Zhou et al., KDD 2018)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pydantic
import tensorflow as tf
import tf_keras as keras

from scenerank.models.base import RankingModel
from scenerank.models.baselines.deep import DeepSettings, deep_network
from scenerank.models.layers.embedding import concatenate
from scenerank.models.layers.fields import FieldEmbedding
from scenerank.models.layers.target_attention import TargetAttention


class DINSettings(DeepSettings):
    """DIN's switches.

    Attributes:
      attention_units: hidden layers of the activation unit.
      softmax: whether a row's weights sum to 1; the paper's do not, so that the sum tells how strong an interest is.
    """

    attention_units: tuple[pydantic.PositiveInt, ...] = pydantic.Field(default=(64, 32), min_length=1)
    softmax: bool = False


@keras.utils.register_keras_serializable("scenerank")
class DIN(RankingModel):
    """DIN: a DNN over the fields and the behaviors, these weighed by an activation unit of behavior and target (Eq. 3).

    The unit compares the item columns; what else is known of a behavior (its scenario, type and age) enters its score
    as context, and the weighted sum as value. Hidden layers have the settings' activation instead of the paper's
    Dice. Without a history, or one whose columns a target does not have, there is no attention: what columns there
    are enter as their means.
    """

    registered = "din"
    paper = "Zhou et al., Deep Interest Network for Click-Through Rate Prediction, KDD 2018"
    settings_class = DINSettings
    settings: DINSettings

    def __init__(self, features: Any, settings: DINSettings | Mapping[str, Any] | None = None, **options: Any) -> None:
        super().__init__(features, settings, **options)
        s, f = self.settings, self.features
        self.keys = f.group("behavior_item")
        self.targets = tuple(f[key.source] for key in self.keys)
        self.context = f.group("behavior_scenario", "behavior")
        self.fields = FieldEmbedding(f, s.embedding, pooled=not self.keys, name="fields")
        self.attention = None
        if self.keys:
            widths = self.fields.embedding.widths
            self.attention = TargetAttention(
                widths(self.keys),
                widths(self.context),
                units=s.attention_units,
                activation=s.activation,
                l2=s.l2,
                softmax=s.softmax,
                name="attention",
            )
        self.deep = deep_network(s)

    def call(self, features: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        embedded = self.fields(features, training=training)
        vector = concatenate(embedded, self.fields.fields)
        if self.attention is not None:
            packed, behaviors = self.fields.behaviors(features, training)
            interest, _ = self.attention(
                concatenate(behaviors, self.keys),
                concatenate(embedded, self.targets),
                packed.rows,
                packed.size,
                values=concatenate(behaviors, (*self.keys, *self.context)),
                context=concatenate(behaviors, self.context) if self.context else None,
            )
            vector = tf.concat([vector, interest], -1)
        return tf.cast(self.deep(vector, training=training)[:, 0], tf.float32)

    def output_biases(self) -> list[tf.Variable]:
        return [self.deep.output_bias]
