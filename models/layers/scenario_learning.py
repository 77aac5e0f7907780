"""MuseNet's scenario learner."""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

import tensorflow as tf
import tf_keras as keras

from scenerank.models.layers.configured import ConfiguredLayer
from scenerank.models.layers.prototypes import Prototypes
from scenerank.models.layers.replicas import all_sum
from scenerank.models.layers.weighted_batch_norm import WeightedBatchNormalization

Divergence = Literal["mean", "row"]


class Assignment(NamedTuple):
    """Assignment of a batch to scenarios.

    Attributes:
      shares: how much modules have to say, float32 `[B, K]`, each row summing to 1.
      likely: the same before anything is drawn or chosen, which is `shares` if soft.
      divergence: float32 `[B]`, the Kullback-Leibler divergence from even shares (Eq. 12), see `ScenarioLearner`.
    """

    shares: tf.Tensor
    likely: tf.Tensor
    divergence: tf.Tensor


@keras.utils.register_keras_serializable("scenerank")
class ScenarioLearner(ConfiguredLayer):
    """Learns which of K scenarios a sample belongs to, none of them given (MuseNet section 3.2.1).

    The sample is projected, `f(x) = radius N(N(x) W) / sqrt(width)`, and assigned to the prototypes by their squared
    distances. Soft: the softmax of minus the distances (Eq. 3). Hard: in training a Gumbel-softmax over its logarithms
    (Eq. 7), else the nearest prototype alone (Eq. 4). A training step uses the prototypes as they are, then moves them
    (Eq. 14): by the soft shares, or if hard by the nearest prototype. The first step puts them onto samples.

    Three things keep scenarios from becoming one, none of which the paper has:
      N takes the moments of each input away (batch normalisation without scale and offset). Numbers among the inputs
        are many times as large as embeddings, which grow in training: every sample would soon belong to one prototype.
      f(x) is normalised, too: its root mean square length is the `radius`, so that distances can neither grow until
        shares are fixed nor shrink until they are even. Even shares move all prototypes to the same mean, where nothing
        tells them apart and no gradient parts them; with a `radius` of 1 that happens without any divergence. (Were
        each row's length the same, rows near the mean could be no scenario of their own.)
      The divergence is the batch's: scenarios are used evenly. Asking it of every row makes even shares optimal.

    Args:
      scenarios: K.
      width: length of f(x) as a list of numbers, which the paper leaves open.
      hard: above.
      temperature: of the Gumbel-softmax.
      rate: of the prototypes, alpha.
      radius: above; the larger, the nearer soft shares are to choosing one scenario.
      divergence: of what shares it is taken, before anything is drawn: `mean`, the batch's mean share, of the rows of
        all replicas; `row`, each row's (Eq. 12 to the letter).

    Call arguments:
      inputs: float `[B, D]`.

    Returns:
      an `Assignment`.

    Example:
      >>> ScenarioLearner(4)(tf.ones([2, 6])).shares.shape
      TensorShape([2, 4])
    """

    def __init__(
        self,
        scenarios: int,
        width: int = 16,
        *,
        hard: bool = False,
        temperature: float = 0.1,
        rate: float = 0.2,
        radius: float = 3.0,
        divergence: Divergence = "mean",
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.scenarios, self.width, self.hard, self.temperature = scenarios, width, hard, temperature
        self.radius, self.divergence = radius, divergence
        self.norm = WeightedBatchNormalization(affine=False, name="norm")
        self.projected_norm = WeightedBatchNormalization(affine=False, name="projected_norm")
        start = radius / math.sqrt(width)
        self.prototypes = Prototypes(scenarios, rate, scale=start, from_samples=True, name="prototypes")

    def build(self, input_shape: Any) -> None:
        start = keras.initializers.RandomNormal(0, 1.0 / math.sqrt(int(input_shape[-1])))
        self.projection = keras.layers.Dense(self.width, use_bias=False, kernel_initializer=start, name="projection")
        super().build(input_shape)

    def _drawn(self, scores: tf.Tensor) -> tf.Tensor:
        """Shares of which one is nearly 1, drawn by a Gumbel-softmax (Eq. 7)."""
        uniform = tf.random.uniform(tf.shape(scores), minval=1e-20)
        gumbel = -tf.math.log(-tf.math.log(uniform))
        return tf.nn.softmax((tf.nn.log_softmax(scores) + gumbel) / self.temperature)

    def _divergence(self, shares: tf.Tensor) -> tf.Tensor:
        """Of the shares from even ones, float32 `[B]`."""
        if self.divergence == "mean":
            rows = tf.cast(tf.shape(shares)[:1], tf.float32)
            totals = all_sum(tf.concat([tf.reduce_sum(shares, 0), rows], 0))
            mean = tf.math.divide_no_nan(totals[:-1], totals[-1])
            shares = tf.broadcast_to(mean, tf.shape(shares))
        return tf.reduce_sum(tf.math.xlogy(shares, shares), 1) + math.log(self.scenarios)

    def project(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Computes f(x), where samples lie: float `[B, width]`; prototypes lie among them."""
        projected = self.projection(self.norm(inputs, training=training))
        return self.radius / math.sqrt(self.width) * self.projected_norm(projected, training=training)

    def call(self, inputs: tf.Tensor, training: bool = False) -> Assignment:
        samples = self.project(inputs, training)
        scores = self.prototypes(samples)
        likely = tf.nn.softmax(scores)
        assigned = tf.one_hot(tf.argmax(scores, 1), self.scenarios) if self.hard else likely
        if training:
            self.prototypes.move(samples, assigned)
        shares = self._drawn(scores) if self.hard and training else assigned
        return Assignment(shares, likely, self._divergence(likely))
