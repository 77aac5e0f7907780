"""MuseNet's scenario learner."""

from __future__ import annotations

import math
from typing import Any

import models  # noqa: F401  isort: skip
import tensorflow as tf
import tf_keras as keras

from models.layers.prototypes import Prototypes


@keras.utils.register_keras_serializable("scenerank")
class ScenarioLearner(keras.layers.Layer):
    """Which of K scenarios a sample belongs to, none of them given (MuseNet section 3.2.1).

    The sample is projected, `f(x) = x W`, and assigned to the prototypes by their squared distances. Soft: the
    softmax of minus the distances (Eq. 3). Hard: in training a Gumbel-softmax over its logarithms (Eq. 7), else the
    nearest prototype alone (Eq. 4). A training step uses the prototypes as they are, then moves them (Eq. 14).

    The paper does not say where it starts. If all prototypes are as good as one compared to the distances, soft shares
    are even, all prototypes move to the same mean, and nothing ever tells them apart: W is drawn such that inputs of
    standard deviation `input_scale` are projected to coordinates of about `spread`, and so are the prototypes.

    Args:
      scenarios: K.
      width: length of f(x), which the paper leaves open.
      hard: above.
      temperature: of the Gumbel-softmax.
      rate: of the prototypes, alpha.
      input_scale, spread: above.

    Call arguments:
      inputs: float `[B, D]`.

    Returns:
      (shares, divergence): float32 `[B, K]`, each row summing to 1; float32 `[B]`, the Kullback-Leibler divergence
      of the shares from even ones (Eq. 12).
    """

    def __init__(
        self,
        scenarios: int,
        width: int = 16,
        hard: bool = False,
        temperature: float = 0.1,
        rate: float = 0.2,
        input_scale: float = 0.05,
        spread: float = 0.5,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.scenarios, self.width, self.hard, self.temperature = scenarios, width, hard, temperature
        self.rate, self.input_scale, self.spread = rate, input_scale, spread
        self.prototypes = Prototypes(scenarios, rate, spread, name="prototypes")

    def build(self, input_shape: Any) -> None:
        scale = self.spread / (self.input_scale * math.sqrt(int(input_shape[-1])))
        self.projection = keras.layers.Dense(
            self.width,
            use_bias=False,
            kernel_initializer=keras.initializers.RandomNormal(0, scale),
            name="projection",
        )
        super().build(input_shape)

    def _shares(self, scores: tf.Tensor, training: bool) -> tf.Tensor:
        if not self.hard:
            return tf.nn.softmax(scores)
        if not training:
            return tf.one_hot(tf.argmax(scores, 1), self.scenarios)
        uniform = tf.random.uniform(tf.shape(scores), minval=1e-20)
        gumbel = -tf.math.log(-tf.math.log(uniform))
        return tf.nn.softmax((tf.nn.log_softmax(scores) + gumbel) / self.temperature)

    def project(self, inputs: tf.Tensor) -> tf.Tensor:
        """f(x), where samples and prototypes lie: float `[B, width]`."""
        return self.projection(inputs)

    def call(self, inputs: tf.Tensor, training: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
        samples = self.project(inputs)
        shares = self._shares(self.prototypes(samples), training)
        if training:
            self.prototypes.move(samples, shares)
        divergence = tf.reduce_sum(tf.math.xlogy(shares, shares), 1) + math.log(self.scenarios)
        return shares, divergence

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "scenarios": self.scenarios,
            "width": self.width,
            "hard": self.hard,
            "temperature": self.temperature,
            "rate": self.rate,
            "input_scale": self.input_scale,
            "spread": self.spread,
        }
