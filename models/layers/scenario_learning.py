"""MuseNet's scenario learner."""

from __future__ import annotations

import math
from typing import Any

import models  # noqa: F401  isort: skip
import tensorflow as tf
import tf_keras as keras

from models.layers.prototypes import Prototypes
from models.layers.weighted_batch_norm import WeightedBatchNormalization


@keras.utils.register_keras_serializable("scenerank")
class ScenarioLearner(keras.layers.Layer):
    """Which of K scenarios a sample belongs to, none of them given (MuseNet section 3.2.1).

    The sample is projected, `f(x) = N(x) W`, and assigned to the prototypes by their squared distances. Soft: the
    softmax of minus the distances (Eq. 3). Hard: in training a Gumbel-softmax over its logarithms (Eq. 7), else the
    nearest prototype alone (Eq. 4). A training step uses the prototypes as they are, then moves them (Eq. 14).

    N takes the moments of each input away (batch normalisation without scale and offset), which the paper does not
    have; f stays an affine map. Numbers among the inputs are many times as large as embeddings, and these grow in
    training: without N distances soon are so large that every sample belongs to one prototype for good.
    W starts such that coordinates are of about `spread`, and so do the prototypes. If all of these were as good as one
    compared to the distances, soft shares would be even, all prototypes would move to the same mean, and nothing would
    ever tell them apart.

    Args:
      scenarios: K.
      width: length of f(x), which the paper leaves open.
      hard: above.
      temperature: of the Gumbel-softmax.
      rate: of the prototypes, alpha.
      spread: above.

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
        spread: float = 0.5,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.scenarios, self.width, self.hard, self.temperature = scenarios, width, hard, temperature
        self.rate, self.spread = rate, spread
        self.norm = WeightedBatchNormalization(affine=False, name="norm")
        self.prototypes = Prototypes(scenarios, rate, spread, name="prototypes")

    def build(self, input_shape: Any) -> None:
        scale = self.spread / math.sqrt(int(input_shape[-1]))
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

    def project(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """f(x), where samples and prototypes lie: float `[B, width]`."""
        return self.projection(self.norm(inputs, training=training))

    def call(self, inputs: tf.Tensor, training: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
        samples = self.project(inputs, training)
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
            "spread": self.spread,
        }
