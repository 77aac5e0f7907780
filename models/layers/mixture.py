"""Experts' outputs into one, by weights that an input decides."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras

from scenerank.models.layers.configured import ConfiguredLayer


@keras.utils.register_keras_serializable("scenerank")
class Mixture(ConfiguredLayer):
    """Mixes experts, `sum_j g_j f_j` with `g = softmax(W x)`: MMoE (Ma et al., KDD 2018, Eqs. 5-7), MARIA Eqs. 16-17.

    Args:
      experts: E.
      kernel_initializer: of W; `zeros` starts with equal shares.
      l2: penalty on W.

    Call arguments:
      outputs: what the experts give, float `[B, E, D]`.
      gate: what decides their shares, x, float `[B, C]`.

    Returns:
      float `[B, D]`.

    Example:
      >>> Mixture(3)(tf.ones([2, 3, 4]), tf.ones([2, 5])).shape
      TensorShape([2, 4])
    """

    def __init__(
        self, experts: int, kernel_initializer: str = "glorot_uniform", l2: float = 0.0, **options: Any
    ) -> None:
        super().__init__(**options)
        self.dense = keras.layers.Dense(
            experts,
            use_bias=False,
            kernel_initializer=kernel_initializer,
            kernel_regularizer=keras.regularizers.L2(l2) if l2 else None,
            name="weights",
        )

    def call(self, outputs: tf.Tensor, gate: tf.Tensor) -> tf.Tensor:
        shares = tf.nn.softmax(tf.cast(self.dense(gate), tf.float32))
        return tf.einsum("be,bed->bd", tf.cast(shares, outputs.dtype), outputs)
