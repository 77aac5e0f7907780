"""STAR's partitioned normalisation."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras

from scenerank.models.layers.scenario_batch_norm import ScenarioBatchNormalization


@keras.utils.register_keras_serializable("scenerank")
class PartitionedNormalization(ScenarioBatchNormalization):
    """Normalises by scenario: `(gamma gamma_s) (z - mean_s) / sqrt(variance_s + epsilon) + (beta + beta_s)`, of STAR.

    See Sheng et al., CIKM 2021. Moments are the scenario's, in training and at inference (moving ones) as in
    `ScenarioBatchNormalization`, whose arguments these are; gamma and beta `[D]` are of all scenarios. The unknown
    scenario has the moments of all rows.

    Example:
      >>> PartitionedNormalization(3, "page")(tf.ones([2, 6]), tf.constant([1, 2])).shape
      TensorShape([2, 6])
    """

    def __init__(self, scenarios: int, table: str, **options: Any) -> None:
        options.setdefault("pooled_unknown", True)
        super().__init__(scenarios, table, **options)

    def build(self, input_shape: Any) -> None:
        full = {"dtype": tf.float32, "experimental_autocast": False}
        super().build(input_shape)
        width = int(self.gamma.shape[1])
        self.shared_gamma = self.add_weight(name="shared_gamma", shape=(width,), initializer="ones", **full)
        self.shared_beta = self.add_weight(name="shared_beta", shape=(width,), initializer="zeros", **full)

    def row_tables(self) -> list[tuple[tf.Variable, str]]:
        own = (self.gamma, self.beta, self.moving_mean, self.moving_variance, self.seen)
        return [(variable, self.table) for variable in own]

    def affine(self, scenario: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        gamma, beta = super().affine(scenario)
        return gamma * self.shared_gamma, beta + self.shared_beta
