"""SFPNet's Residual-Tailoring Module."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras

from scenerank.models.layers.configured import ConfiguredLayer
from scenerank.models.layers.packing import at_behaviors


@keras.utils.register_keras_serializable("scenerank")
class ResidualTailoring(ConfiguredLayer):
    """Tailors every field and every behavior by what the whole row has to say of it (SFPNet Eqs. 5-7).

    `C = W3 ReLU(W2 X_hat + b2) + b3` holds a vector c for each field and c_b for the behaviors. A field becomes
    `ReLU(W x + b) + sigmoid(W' x + b') * c` with matrices of its own, a behavior the same with matrices that all
    positions share. x is the block's input, as Eqs. 6-7 have it, not the gated x in X_hat, which behaviors have none
    of. The paper's c_b is 2d wide, as the pooled behaviors are, where a behavior has d numbers: one Dense takes it
    to d. Pooled by their mean alone they are d wide, and c_b is used as it is.

    Args:
      width: d.
      hidden: width of ReLU(W2 X_hat + b2), which the paper leaves open.
      pooled: width of the pooled behaviors in X_hat: 2d, d, or 0 without a history.
      l2: penalty on the kernels of Eq. 5.

    Call arguments:
      context: X_hat, float `[B, n d + pooled]`.
      fields: float `[B, n, d]`.
      behaviors, rows: float `[N, d]`, and int64 `[N]` (or None) as in `packing.Packed`; None without a history.

    Returns:
      (fields, behaviors), of the same shapes; behaviors `[B, N, d]` where rows shared them.

    Example:
      >>> tailor = ResidualTailoring(4, 16, pooled=8)
      >>> context, fields, behaviors = tf.ones([2, 3 * 4 + 8]), tf.ones([2, 3, 4]), tf.ones([5, 4])
      >>> fields, behaviors = tailor(context, fields, behaviors, tf.constant([0, 0, 0, 1, 1]))
      >>> fields.shape, behaviors.shape
      (TensorShape([2, 3, 4]), TensorShape([5, 4]))
    """

    def __init__(self, width: int, hidden: int, *, pooled: int, l2: float = 0.0, **options: Any) -> None:
        super().__init__(**options)
        self.width, self.hidden, self.pooled, self.l2 = width, hidden, pooled, l2

    def build(self, input_shape: Any) -> None:
        context = int(input_shape[-1])
        fields = (context - self.pooled) // self.width
        limit = (3.0 / self.width) ** 0.5  # Glorot's, of each d x d matrix
        self.kernel = self.add_weight(
            name="kernel",
            shape=(fields, self.width, 2 * self.width),
            initializer=keras.initializers.RandomUniform(-limit, limit),
        )
        self.bias = self.add_weight(name="bias", shape=(fields, 2 * self.width), initializer="zeros")

        def dense(size: int, name: str, activation: str | None = None) -> keras.layers.Dense:
            penalty = keras.regularizers.L2(self.l2) if self.l2 else None
            return keras.layers.Dense(size, activation, kernel_regularizer=penalty, name=name)

        self.aggregate = dense(self.hidden, "aggregate", "relu")
        self.context = dense(context, "context")
        self.of_behavior = self.narrow = None
        if self.pooled:
            shared = keras.initializers.RandomUniform(-limit, limit)
            self.of_behavior = keras.layers.Dense(2 * self.width, kernel_initializer=shared, name="of_behavior")
        if self.pooled > self.width:
            self.narrow = keras.layers.Dense(self.width, name="narrow")
        super().build(input_shape)

    def call(
        self,
        context: tf.Tensor,
        fields: tf.Tensor,
        behaviors: tf.Tensor | None = None,
        rows: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor | None]:
        whole = self.context(self.aggregate(context))
        of_fields, of_behaviors = tf.split(whole, [whole.shape[-1] - self.pooled, self.pooled], -1)
        of_fields = tf.reshape(of_fields, [-1, self.kernel.shape[0], self.width])

        def tailored(inner: tf.Tensor, cross: tf.Tensor) -> tf.Tensor:
            kept, gate = tf.split(inner, 2, -1)
            return tf.nn.relu(kept) + tf.sigmoid(gate) * cross

        inner = tf.einsum("bnd,nde->bne", fields, tf.convert_to_tensor(self.kernel)) + self.bias
        if self.of_behavior is None:
            return tailored(inner, of_fields), None
        if self.narrow is not None:
            of_behaviors = self.narrow(of_behaviors)
        return tailored(inner, of_fields), tailored(self.of_behavior(behaviors), at_behaviors(of_behaviors, rows))
