"""Attention by a network over query and key side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from scenerank.models.layers.configured import ConfiguredLayer
from scenerank.models.layers.packing import at_behaviors, packed_softmax, packed_sum


@keras.utils.register_keras_serializable("scenerank")
class ConcatAttention(ConfiguredLayer):
    """Attends to behaviors: `h_b = sum_i softmax_i(FC([t, h_i])) h_i`, trigger-aware attention, MARIA Eqs. 4-6.

    FC has hidden layers, which the paper does not say: a linear score's part in t would be the same for all
    behaviors, and the softmax would take it away. For the same reason the score has no bias. The first layer's part
    in t is computed once a row, not once a behavior.

    Args:
      units: widths of the hidden layers, at least one.
      activation, l2: of the hidden layers; `l2` penalises the score's kernel, too.

    Call arguments:
      keys: behaviors, float `[N, D]`.
      query: t, float `[B, Q]`.
      rows, size: as in `packing.Packed`.

    Returns:
      (sums, weights): float `[B, D]`, zero for an empty history; float32 `[N]`, or `[B, N]` where the
      rows share their behaviors.

    Raises:
      ValueError: no hidden layer.

    Example:
      >>> rows, size = tf.constant([0, 0, 1], tf.int64), tf.constant(2, tf.int64)  # of three behaviors, two of row 0
      >>> sums, weights = ConcatAttention((8,))(tf.ones([3, 4]), tf.ones([2, 5]), rows, size)
      >>> sums.shape, weights.shape
      (TensorShape([2, 4]), TensorShape([3]))
    """

    def __init__(self, units: Sequence[int] = (64,), activation: str = "relu", l2: float = 0.0, **options: Any) -> None:
        super().__init__(**options)
        if not units:
            raise ValueError("ConcatAttention.units is empty: give the width of at least one hidden layer")
        self.units = tuple(units)

        def dense(size: int, bias: bool, name: str, activation: str | None = None) -> keras.layers.Dense:
            penalty = keras.regularizers.L2(l2) if l2 else None
            return keras.layers.Dense(size, activation, bias, kernel_regularizer=penalty, name=name)

        self.of_key = dense(self.units[0], False, "of_key")
        self.of_query = dense(self.units[0], True, "of_query")
        self.first = keras.layers.Activation(activation)
        self.rest = [dense(n, True, f"hidden_{i}", activation) for i, n in enumerate(self.units[1:], 1)]
        self.score = dense(1, False, "score")

    def call(
        self, keys: tf.Tensor, query: tf.Tensor, rows: tf.Tensor | None, size: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        hidden = self.first(self.of_key(keys) + at_behaviors(self.of_query(query), rows))
        for layer in self.rest:
            hidden = layer(hidden)
        weights = packed_softmax(self.score(hidden)[..., 0], rows, size)
        return packed_sum(keys, weights, rows, size), weights
