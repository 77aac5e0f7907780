"""How much each feature matters in a scenario."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras

from scenerank.models.layers.configured import ConfiguredLayer


@keras.utils.register_keras_serializable("scenerank")
class ScenarioFeatureAttention(ConfiguredLayer):
    """Weighs I features by scenario, in G ways: `softmax(reshape(W e_s + b))`, HierRec Eq. 6.

    Args:
      heads: G.
      features: I.
      pieces: whether e_s is cut into G pieces, each of which makes the weights of one head (the authors' code),
        instead of making all of them as a whole (their paper).
      l2: penalty on W.

    Input: e_s, float `[N, d]`; d a multiple of G with `pieces`.
    Output: float `[N, G, I]`, summing to 1 over I.

    Example:
      >>> ScenarioFeatureAttention(2, 7)(tf.ones([3, 4])).shape
      TensorShape([3, 2, 7])
    """

    def __init__(self, heads: int, features: int, *, pieces: bool = False, l2: float = 0.0, **options: Any) -> None:
        super().__init__(**options)
        self.heads, self.features, self.pieces, self.l2 = heads, features, pieces, l2

    def build(self, input_shape: Any) -> None:
        width = int(input_shape[-1]) // (self.heads if self.pieces else 1)
        limit = (6.0 / (width + self.features)) ** 0.5  # as a Dense layer of its own would start, for each head
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.heads, width, self.features),
            initializer=keras.initializers.RandomUniform(-limit, limit),
            regularizer=keras.regularizers.L2(self.l2) if self.l2 else None,
        )
        self.bias = self.add_weight(name="bias", shape=(self.heads, self.features), initializer="zeros")
        super().build(input_shape)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        kernel = tf.convert_to_tensor(self.kernel)
        if self.pieces:
            scores = tf.einsum("ngp,gpi->ngi", tf.reshape(inputs, [-1, *self.kernel.shape[:2]]), kernel)
        else:
            scores = tf.einsum("nd,gdi->ngi", inputs, kernel)
        shares = tf.nn.softmax(tf.cast(scores + self.bias, tf.float32))
        return tf.cast(shares, self.compute_dtype)
