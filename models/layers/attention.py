"""The attention score psi."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from scenerank.models.layers.configured import ConfiguredLayer


@keras.utils.register_keras_serializable("scenerank")
class ActivationUnit(ConfiguredLayer):
    """Scores pairs by psi(x, y), an MLP over `[x, y, x - y, x * y]` (SAR-Net Eqs. 5-6; DIN's activation unit).

    The number has no bias, which a softmax would take away. The concatenation is never built. With the first
    kernel cut into `W = [Wx; Wy; Wd; Wp]` the first layer is `x (Wx + Wd) + y (Wy - Wd) + (x * y) Wp`; the term in
    `y` is computed once a row, not once a behavior.
    What is known of a behavior and not of the target (its type, its age) enters as `context`, a further term
    `c Wc` of the first layer.

    Args:
      width: D, length of the compared vectors.
      context_width: C, length of the context; 0 for none.
      units: widths of the hidden layers, at least one.
      activation: of the hidden layers.
      l2: penalty on the kernels.

    Call arguments:
      keys: behaviors `x`, float `[N, D]` (see `packing.Packed`).
      query: `y`, float `[B, D]`.
      rows: int64 `[N]`, the row of the query for each key; None: every query meets every key.
      context: float `[N, C]`, or None if C is 0.

    Returns:
      scores, float `[N]`; without `rows`, `[B, N]`.

    Raises:
      ValueError: no hidden layer.

    Example:
      >>> unit = ActivationUnit(4, units=(8,))
      >>> unit(tf.ones([3, 4]), tf.ones([2, 4]), rows=tf.constant([0, 0, 1])).shape
      TensorShape([3])
    """

    def __init__(
        self,
        width: int,
        context_width: int = 0,
        *,
        units: Sequence[int] = (64, 32),
        activation: str = "relu",
        l2: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if not units:
            raise ValueError("ActivationUnit.units is empty: give the width of at least one hidden layer")
        self.width, self.context_width = width, context_width
        self.units, self.activation, self.l2 = tuple(units), activation, l2

    def build(self, input_shape: Any = None) -> None:
        def regularizer() -> Any:
            return keras.regularizers.L2(self.l2) if self.l2 else None

        shape = (4 * self.width + self.context_width, self.units[0])
        self.kernel = self.add_weight(
            name="kernel", shape=shape, initializer="glorot_uniform", regularizer=regularizer()
        )
        self.bias = self.add_weight(name="bias", shape=(self.units[0],), initializer="zeros")
        self.first = keras.layers.Activation(self.activation)
        self.rest = [
            keras.layers.Dense(n, self.activation, kernel_regularizer=regularizer(), name=f"hidden_{i}")
            for i, n in enumerate(self.units[1:], 1)
        ]
        self.score = keras.layers.Dense(1, use_bias=False, kernel_regularizer=regularizer(), name="score")
        super().build(input_shape)

    def call(
        self, keys: tf.Tensor, query: tf.Tensor, rows: tf.Tensor | None, context: tf.Tensor | None = None
    ) -> tf.Tensor:
        kernel = tf.convert_to_tensor(self.kernel)
        of_key, of_query, of_difference, of_product, of_context = tf.split(
            kernel, [self.width] * 4 + [self.context_width]
        )
        from_key = keys @ (of_key + of_difference)
        if context is not None:
            from_key += context @ of_context
        if rows is None:  # to a key, the first layer is a linear one of the query: those of all keys are one product
            kernels = tf.transpose(keys)[:, :, tf.newaxis] * of_product[:, tf.newaxis]
            kernels += (of_query - of_difference)[:, tf.newaxis]
            # biases are a row of the product: oneDNN's fused one ends the process where there are no keys
            kernels = tf.concat([kernels, (from_key + self.bias)[tf.newaxis]], 0)
            hidden = tf.pad(query, [[0, 0], [0, 1]], constant_values=1) @ tf.reshape(
                kernels, [self.width + 1, tf.size(from_key)]
            )
            hidden = tf.reshape(hidden, [-1, self.units[0]])
        else:
            from_query = query @ (of_query - of_difference) + self.bias
            hidden = from_key + (keys * tf.gather(query, rows)) @ of_product + tf.gather(from_query, rows)
        hidden = self.first(hidden)
        for layer in self.rest:
            hidden = layer(hidden)
        scores = self.score(hidden)[:, 0]
        return scores if rows is not None else tf.reshape(scores, [tf.shape(query)[0], tf.shape(keys)[0]])
