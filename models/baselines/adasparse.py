"""AdaSparse: a network pruned by scenario."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pydantic
import tensorflow as tf
import tf_keras as keras

from scenerank.models.base import RankingModel
from scenerank.models.layers.embedding import concatenate
from scenerank.models.layers.fields import FieldEmbedding
from scenerank.models.layers.pruned_mlp import PrunedMLP, Weighting
from scenerank.models.settings import ModelSettings
from scenerank.models.training import Outputs, TrainingModel


class AdaSparseSettings(ModelSettings):
    """AdaSparse's settings; the paper's values, the widths of SFPNet's comparison.

    Attributes:
      units, weighting, beta, epsilon: see `PrunedMLP`.
      alpha: its temperature at the start and at the end.
      schedule_steps: training steps from start to end of `alpha` and `sparsity_weight`.
      lowest_sparsity, highest_sparsity: r_min and r_max, shares of pruned neurons that cost nothing.
      sparsity_weight: of the regulariser, at the start and at the end; both 0: none.
      activation, dropout: of the hidden layers.
    """

    units: tuple[pydantic.PositiveInt, ...] = pydantic.Field(default=(256, 128, 64), min_length=1)
    weighting: Weighting = "fusion"
    alpha: tuple[pydantic.PositiveFloat, pydantic.PositiveFloat] = (0.1, 5.0)
    beta: float = pydantic.Field(default=2.0, ge=1)
    epsilon: float = pydantic.Field(default=0.25, gt=0, lt=1)
    schedule_steps: int = pydantic.Field(default=10_000, ge=1)
    lowest_sparsity: float = pydantic.Field(default=0.15, ge=0, le=1)
    highest_sparsity: float = pydantic.Field(default=0.25, ge=0, le=1)
    sparsity_weight: tuple[pydantic.NonNegativeFloat, pydantic.NonNegativeFloat] = (0.01, 1.0)
    activation: str = "relu"
    dropout: float = pydantic.Field(default=0.0, ge=0, lt=1)

    @pydantic.model_validator(mode="after")
    def _is_a_range(self) -> AdaSparseSettings:
        if self.lowest_sparsity > self.highest_sparsity:
            raise ValueError("lowest_sparsity is above highest_sparsity: give the smaller share first")
        return self


@keras.utils.register_keras_serializable("scenerank")
class AdaSparse(RankingModel):
    """AdaSparse: `logit = w h^L + b` of a `PrunedMLP` over all fields, whose pruners read the scenario group's fields
    e_d alone: a scenario has one network, and an unknown one that of the unknown row.
    """

    registered = "adasparse"
    paper = (
        "Yang et al., AdaSparse: Learning Adaptively Sparse Structures for Multi-Domain Click-Through Rate Prediction, "
        "CIKM 2022"
    )
    settings_class = AdaSparseSettings
    settings: AdaSparseSettings

    def __init__(
        self, features: Any, settings: AdaSparseSettings | Mapping[str, Any] | None = None, **options: Any
    ) -> None:
        super().__init__(features, settings, **options)
        s = self.settings
        self.embedding = FieldEmbedding(self.features, s.embedding, name="embedding")
        self.network = PrunedMLP(
            s.units,
            s.weighting,
            alpha=s.alpha,
            steps=s.schedule_steps,
            beta=s.beta,
            epsilon=s.epsilon,
            activation=s.activation,
            dropout=s.dropout,
            l2=s.l2,
            name="network",
        )
        self.last = keras.layers.Dense(1, name="output")

    def logit_and_pruned(
        self, features: Mapping[str, tf.Tensor], training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Computes the logit, float32 `[B]`, and the shares of pruned neurons, float32 `[B, layers]`."""
        embedded = self.embedding(features, training=training)
        domain = concatenate(embedded, self.features.group("scenario"))
        vector = concatenate(embedded, self.embedding.fields)
        hidden, pruned = self.network(vector, domain, training=training)
        return tf.cast(self.last(hidden)[:, 0], tf.float32), pruned

    def call(self, features: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        return self.logit_and_pruned(features, training)[0]

    def output_biases(self) -> list[tf.Variable]:
        return [self.last.bias]

    def training_class(self) -> type[TrainingModel]:
        regular = any(self.settings.sparsity_weight) and self.settings.weighting != "scaling"
        return AdaSparseTraining if regular else TrainingModel


@keras.utils.register_keras_serializable("scenerank")
class AdaSparseTraining(TrainingModel):
    """AdaSparse with its sparsity regulariser, a row's mean over layers of `lambda^l |r^l - r|`.

    r^l is the share of pruned neurons, r the middle of [r_min, r_max]; `lambda^l` is 0 inside this range and
    `lambda |r^l - r|` outside, a coefficient without gradient. lambda rises linearly with alpha's schedule.
    """

    serving: AdaSparse
    auxiliary = ("sparsity",)

    def penalty(self, pruned: tf.Tensor) -> tf.Tensor:
        """Penalizes shares of pruned neurons `[B, layers]`: the regulariser, float32 `[B]`."""
        s = self.serving.settings
        distance = tf.abs(pruned - (s.lowest_sparsity + s.highest_sparsity) / 2.0)
        outside = tf.cast((pruned < s.lowest_sparsity) | (pruned > s.highest_sparsity), tf.float32)
        start, end = s.sparsity_weight
        weight = start + (end - start) * self.serving.network.progress
        return tf.reduce_mean(weight * outside * tf.stop_gradient(distance) * distance, -1)

    def forward(self, features: Mapping[str, tf.Tensor], training: bool = True) -> Outputs:
        logit, pruned = self.serving.logit_and_pruned(features, training)
        return Outputs(logit, {"sparsity": self.penalty(pruned)})
