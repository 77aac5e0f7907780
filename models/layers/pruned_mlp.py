"""AdaSparse's network, whose neurons are weighed and pruned by domain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import tensorflow as tf
import tf_keras as keras

from scenerank.models.layers.configured import ConfiguredLayer
from scenerank.models.layers.schedule import add_step, progress

Weighting = Literal["binarization", "scaling", "fusion"]


def straight_through(hard: tf.Tensor, soft: tf.Tensor) -> tf.Tensor:
    """Gives the values of `hard` with the gradient of `soft`."""
    return tf.stop_gradient(hard - soft) + soft


@keras.utils.register_keras_serializable("scenerank")
class PrunedMLP(ConfiguredLayer):
    """Prunes hidden layers by domain: `h^l = activation(W^l h^(l-1) + b^l) * pi^l`, the factors pi^l made by pruners.

    With `u = W_p^l e_d + b_p^l`, and `[.]` 1 where true and 0 where not, the factors of AdaSparse are
      binarization: `pi = [v > epsilon]`, `v = sigmoid(alpha u)`;
      scaling: `pi = v`, `v = beta sigmoid(u)`;
      fusion: `pi = v [v > epsilon]`, `v = beta sigmoid(alpha u)`.
    A pruned neuron gives exactly 0. `[v > epsilon]` has no gradient: binarization passes that of v through it, and so
    does the share of pruned neurons; fusion has its gradient by the factor v. alpha rises linearly with the training
    steps (the paper gives its ends alone), which only calls with `training` count.

    Args:
      units: widths of the hidden layers, at least one.
      weighting: above.
      alpha: temperature at the start and at the end.
      steps: training steps over which it rises.
      beta, epsilon: above.
      activation, dropout, l2: of the hidden layers.

    Call arguments:
      inputs: float `[B, D]`.
      domain: e_d, float `[B, any]`.

    Returns:
      (hidden, pruned): float `[B, units[-1]]`; share of the neurons pruned, float32 `[B, layers]`, 0 for scaling.

    Example:
      >>> hidden, pruned = PrunedMLP((8, 4))(tf.ones([3, 6]), tf.ones([3, 2]))
      >>> hidden.shape, pruned.shape
      (TensorShape([3, 4]), TensorShape([3, 2]))
    """

    def __init__(
        self,
        units: Sequence[int],
        weighting: Weighting = "fusion",
        *,
        alpha: tuple[float, float] = (0.1, 5.0),
        steps: int = 10_000,
        beta: float = 2.0,
        epsilon: float = 0.25,
        activation: str = "relu",
        dropout: float = 0.0,
        l2: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.units, self.weighting, self.alpha, self.steps = tuple(units), weighting, tuple(alpha), steps
        self.beta, self.epsilon = beta, epsilon
        self.dropout = dropout
        penalty = keras.regularizers.L2(l2) if l2 else None
        self.dense = [
            keras.layers.Dense(size, kernel_regularizer=penalty, name=f"dense_{i}") for i, size in enumerate(self.units)
        ]
        self.pruners = [keras.layers.Dense(size, name=f"pruner_{i}") for i, size in enumerate(self.units)]
        self.activate = keras.layers.Activation(activation)

    def build(self, input_shape: Any) -> None:
        self.step = add_step(self)
        super().build(input_shape)

    @property
    def progress(self) -> tf.Tensor:
        """Share of the schedule that is over, float32."""
        return progress(self.step, self.steps)

    def factors(self, logits: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Computes pi of the pruner's `u`, and which neurons are kept (1 or 0, v's gradient), float32 as `logits`."""
        logits = tf.cast(logits, tf.float32)
        if self.weighting == "scaling":
            return self.beta * tf.sigmoid(logits), tf.ones_like(logits)
        alpha = self.alpha[0] + (self.alpha[1] - self.alpha[0]) * self.progress
        soft = tf.sigmoid(alpha * logits) * (self.beta if self.weighting == "fusion" else 1.0)
        hard = tf.cast(soft > self.epsilon, tf.float32)
        kept = straight_through(hard, soft)
        return (soft * hard if self.weighting == "fusion" else kept), kept

    def call(self, inputs: tf.Tensor, domain: tf.Tensor, training: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
        hidden, pruned = inputs, []
        for dense, pruner in zip(self.dense, self.pruners):
            factor, kept = self.factors(pruner(domain))
            hidden = self.activate(dense(hidden))
            hidden *= tf.cast(factor, hidden.dtype)
            if training and self.dropout:
                hidden = tf.nn.dropout(hidden, self.dropout)
            pruned.append(1.0 - tf.reduce_mean(kept, -1))
        if training:
            self.step.assign_add(1.0)
        return hidden, tf.stack(pruned, -1)
