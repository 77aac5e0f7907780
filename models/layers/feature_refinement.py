"""MARIA's feature refinement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from scenerank.models.layers.configured import ConfiguredLayer
from scenerank.models.layers.mlp import MLP
from scenerank.models.layers.schedule import add_step, progress


@keras.utils.register_keras_serializable("scenerank")
class FeatureRefinement(ConfiguredLayer):
    """Refines a field by N refiners, of which a selector picks one, MARIA Eqs. 11-12.

    `[beta_1 ReLU(W_1 x + b_1), ..., beta_N ReLU(W_N x + b_N)]` with
    `beta = softmax((log sigmoid(FCN([x, e_s])) + noise) / temperature)`. The noise is Gumbel's in training: a draw
    from the selector's distribution; there is none at inference, which thus takes the likeliest. All refiners are
    one matrix product. A single refiner has no selector.

    Args:
      refiners: N.
      width: numbers that each refiner gives.
      gumbel: without it beta is the sigmoid itself.
      temperature: above; the lower, the nearer beta is to choosing a single refiner.
      warmup: training steps over which the temperature falls from 1, by the same factor each, down to `temperature`;
        0: it is that from the start. At inference it always is.
      units: hidden layers of FCN.
      activation: of those; l2: of all kernels.

    Call arguments:
      inputs: x, float `[B, D]`.
      scenario: e_s, float `[B, C]`.

    Returns:
      float `[B, N * width]`.

    Example:
      >>> FeatureRefinement(2, 4)(tf.ones([3, 6]), tf.ones([3, 5])).shape
      TensorShape([3, 8])
    """

    def __init__(
        self,
        refiners: int,
        width: int,
        *,
        gumbel: bool = True,
        temperature: float = 0.01,
        units: Sequence[int] = (),
        activation: str = "relu",
        l2: float = 0.0,
        warmup: int = 0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.warmup = warmup if gumbel and refiners > 1 else 0
        self.refiners, self.width, self.gumbel, self.temperature = refiners, width, gumbel, temperature
        self.units = tuple(units)
        penalty = keras.regularizers.L2(l2) if l2 else None
        self.refine = keras.layers.Dense(refiners * width, "relu", kernel_regularizer=penalty, name="refiners")
        self.selector = (
            MLP(self.units, refiners, activation=activation, l2=l2, name="selector") if refiners > 1 else None
        )

    def build(self, input_shape: Any) -> None:
        if self.warmup:
            self.step = add_step(self)
        super().build(input_shape)

    def _training_temperature(self) -> tf.Tensor | float:
        """Of this step of training, which it counts."""
        if not self.warmup:
            return self.temperature
        over = progress(self.step, self.warmup)
        self.step.assign_add(1.0)
        return tf.pow(self.temperature, over)

    def _scores(self, inputs: tf.Tensor, scenario: tf.Tensor) -> tf.Tensor:
        """What FCN gives, float32 `[B, N]`."""
        assert self.selector is not None
        return tf.cast(self.selector(tf.concat([inputs, scenario], -1)), tf.float32)

    def probabilities(self, inputs: tf.Tensor, scenario: tf.Tensor) -> tf.Tensor:
        """Says how likely training draws each refiner, float32 `[B, N]`: beta at temperature 1 without noise.

        Needs more than one refiner.
        """
        return tf.nn.softmax(tf.math.log_sigmoid(self._scores(inputs, scenario)))

    def selection(self, inputs: tf.Tensor, scenario: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Selects refiners: beta, float32 `[B, N]`. Needs more than one refiner."""
        scores = self._scores(inputs, scenario)
        if not self.gumbel:
            return tf.sigmoid(scores)
        logits, temperature = tf.math.log_sigmoid(scores), self.temperature
        if training:
            temperature = self._training_temperature()
            uniform = tf.random.uniform(tf.shape(logits), np.finfo("f4").tiny, 1.0)
            logits -= tf.math.log(-tf.math.log(uniform))
        return tf.nn.softmax(logits / temperature)

    def call(self, inputs: tf.Tensor, scenario: tf.Tensor, training: bool = False) -> tf.Tensor:
        refined = self.refine(inputs)
        if self.selector is None:
            return refined
        selection = tf.cast(self.selection(inputs, scenario, training), refined.dtype)
        return refined * tf.repeat(selection, self.width, 1)
