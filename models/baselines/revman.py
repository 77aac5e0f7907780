"""RevMan (Li et al., AAAI 2021)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pydantic
import tensorflow as tf
import tf_keras as keras

from scenerank.models.baselines.towers import TowerModel, TowerSettings
from scenerank.models.layers.embedding import concatenate
from scenerank.models.layers.experts import SharedExperts


class RevManSettings(TowerSettings):
    """RevMan's sizes.

    Attributes:
      experts: networks, by default one for each of the four partitions in RevMan's own data.
      expert_units: layers of each.
      attention_units: length of the vectors that the attention compares.
    """

    experts: int = pydantic.Field(default=4, ge=1)
    expert_units: tuple[pydantic.PositiveInt, ...] = pydantic.Field(default=(256, 128), min_length=1)
    attention_units: int = pydantic.Field(default=32, ge=1)


@keras.utils.register_keras_serializable("scenerank")
class RevMan(TowerModel):
    """RevMan: experts that scenarios share by adaptive attention, and a tower for each scenario.

    `f_j(x)` are the experts, x all fields; `a = softmax_j(<W_q [e_s, e_i], W_k f_j(x)> / sqrt(d))` weighs them for the
    scenario and the item (in the paper the insurance product) of the row; `logit = tower_s(sum_j a_j f_j(x))`. The
    number of experts is a setting and not the number of scenarios: what a row costs does not grow with them. Ranking
    by expected revenue, the paper's second step, has no meaning for clicks and is left out.
    """

    registered = "revman"
    paper = "Li et al., RevMan: Revenue-aware Multi-task Online Insurance Recommendation, AAAI 2021"
    settings_class = RevManSettings
    settings: RevManSettings

    def __init__(
        self, features: Any, settings: RevManSettings | Mapping[str, Any] | None = None, **options: Any
    ) -> None:
        super().__init__(features, settings, **options)
        s = self.settings

        def projection(name: str) -> keras.layers.Dense:
            penalty = keras.regularizers.L2(s.l2) if s.l2 else None
            return keras.layers.Dense(s.attention_units, use_bias=False, kernel_regularizer=penalty, name=name)

        self.queried = self.features.group("scenario", "item")
        self.experts = SharedExperts(
            s.experts,
            s.expert_units,
            outputs=None,
            activation=s.activation,
            dropout=s.dropout,
            l2=s.l2,
            normalize=False,
            name="experts",
        )
        self.query, self.key = projection("query"), projection("key")

    def call(self, features: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        embedded = self.embedding(features, training=training)
        outputs = self.experts(concatenate(embedded, self.embedding.fields), training=training)
        query = self.query(concatenate(embedded, self.queried)) * self.settings.attention_units**-0.5
        scores = tf.reduce_sum(self.key(outputs) * query[:, tf.newaxis], -1)
        shares = tf.cast(tf.nn.softmax(tf.cast(scores, tf.float32)), outputs.dtype)
        state = tf.einsum("be,bed->bd", shares, outputs)
        routes = self.routes(features)
        return tf.cast(self.tower(state, routes, training=training)[:, 0], tf.float32)
