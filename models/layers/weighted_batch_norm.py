"""Batch normalisation of rows that stand for several."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras

from scenerank.models.layers.configured import ConfiguredLayer
from scenerank.models.layers.replicas import all_sum


@keras.utils.register_keras_serializable("scenerank")
class WeightedBatchNormalization(ConfiguredLayer):
    """Normalises a batch (Ioffe and Szegedy, ICML 2015) in which a row may count for several.

    What depends on the scenario alone is computed once for each scenario of the batch; weighted by the scenarios'
    rows its moments are those that all rows would have had. Rows of all replicas count. Moving moments are the plain
    means over all steps so far until these are as many as the momentum remembers: inference is sound from the first
    step on, whatever the scale of the inputs.

    Args:
      momentum: share of the moving moments that a step keeps, in the long run.
      epsilon: added to the variance.
      gamma_initializer, beta_initializer: of scale and offset.
      affine: whether there are scale and offset.

    Call arguments:
      inputs: float `[N, D]`.
      weights: `[N]`, how many rows each stands for; None: one.

    Returns:
      as `inputs`; computed in float32.

    Example:
      >>> WeightedBatchNormalization()(tf.ones([2, 6]), weights=tf.constant([3, 1])).shape
      TensorShape([2, 6])
    """

    def __init__(
        self,
        momentum: float = 0.95,
        epsilon: float = 1e-3,
        *,
        gamma_initializer: Any = "ones",
        beta_initializer: Any = "zeros",
        affine: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.momentum, self.epsilon, self.affine = momentum, epsilon, affine
        self.gamma_initializer = keras.initializers.get(gamma_initializer)
        self.beta_initializer = keras.initializers.get(beta_initializer)

    def build(self, input_shape: Any) -> None:
        shape = (int(input_shape[-1]),)
        full = {"dtype": tf.float32, "experimental_autocast": False}
        replicated = {
            **full,
            "trainable": False,
            "synchronization": tf.VariableSynchronization.ON_READ,
            "aggregation": tf.VariableAggregation.MEAN,
        }
        self.gamma, self.beta = 1.0, 0.0
        if self.affine:
            self.gamma = self.add_weight(name="gamma", shape=shape, initializer=self.gamma_initializer, **full)
            self.beta = self.add_weight(name="beta", shape=shape, initializer=self.beta_initializer, **full)
        self.moving_mean = self.add_weight(name="moving_mean", shape=shape, initializer="zeros", **replicated)
        self.moving_variance = self.add_weight(name="moving_variance", shape=shape, initializer="ones", **replicated)
        self.steps = self.add_weight(name="steps", shape=(), initializer="zeros", **replicated)
        super().build(input_shape)

    def _batch_moments(self, rows: tf.Tensor, weights: tf.Tensor | None) -> tuple[tf.Tensor, tf.Tensor]:
        """Mean and variance `[D]`; moves the moving ones towards them."""
        if weights is None:
            weights = tf.ones_like(rows[:, 0])
        weights = tf.cast(weights, tf.float32)[tf.newaxis]
        total = all_sum(tf.reduce_sum(weights))
        mean = tf.math.divide_no_nan(all_sum(weights @ rows)[0], total)
        variance = tf.math.divide_no_nan(all_sum(weights @ tf.square(rows - mean))[0], total)
        steps = tf.identity(self.steps) + 1.0
        share = tf.maximum(1.0 - self.momentum, 1.0 / steps)
        for moving, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(tf.stop_gradient((1.0 - share) * moving + share * value))
        self.steps.assign(steps)
        return mean, variance

    def call(self, inputs: tf.Tensor, weights: tf.Tensor | None = None, training: bool = False) -> tf.Tensor:
        rows = tf.cast(inputs, tf.float32)
        mean, variance = self._batch_moments(rows, weights) if training else (self.moving_mean, self.moving_variance)
        scale = self.gamma * tf.math.rsqrt(variance + self.epsilon)
        return tf.cast(rows * scale + (self.beta - mean * scale), self.compute_dtype)
