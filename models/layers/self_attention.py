"""Self-attention."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras

from scenerank.models.layers.configured import ConfiguredLayer
from scenerank.models.layers.padding import Places


@keras.utils.register_keras_serializable("scenerank")
class SelfAttention(ConfiguredLayer):
    """Attends to its input by scaled dot products, multi-head: Eq. 1, section 3.2.2 of Vaswani et al. (NeurIPS 2017).

    `[head_1, ..., head_H] W_O` with `head_h = softmax(Q_h K_h^T / sqrt(k)) V_h`; no biases, as there. Packed
    sequences are projected as they are and laid out as rows only where their elements meet.

    Args:
      heads: H.
      head_width: k, length of queries, keys and values of a head; may differ from D / H.
      dropout: share of the attention weights set to 0 in training.
      l2: penalty on the kernels.

    Call arguments:
      inputs: float `[B, T, D]`, all T elements real; or packed, float `[N, D]`.
      places: None; or of packed inputs, see `padding.places`.

    Returns:
      as `inputs`.

    Example:
      >>> SelfAttention(2, 8)(tf.ones([3, 5, 6])).shape
      TensorShape([3, 5, 6])
    """

    def __init__(self, heads: int, head_width: int, *, dropout: float = 0.0, l2: float = 0.0, **options: Any) -> None:
        super().__init__(**options)
        self.heads, self.head_width, self.dropout, self.l2 = heads, head_width, dropout, l2

    def build(self, input_shape: Any) -> None:
        def dense(units: int, name: str) -> keras.layers.Dense:
            penalty = keras.regularizers.L2(self.l2) if self.l2 else None
            return keras.layers.Dense(units, use_bias=False, kernel_regularizer=penalty, name=name)

        self.project = dense(3 * self.heads * self.head_width, "project")
        self.merge = dense(int(input_shape[-1]), "merge")
        super().build(input_shape)

    def call(self, inputs: tf.Tensor, places: Places | None = None, training: bool = False) -> tf.Tensor:
        projected = self.project(inputs)
        if places is not None:
            projected = places.pad(projected)
        shape = tf.shape(projected)
        parts = tf.reshape(projected, [shape[0], shape[1], 3, self.heads, self.head_width])
        query, key, value = tf.unstack(tf.transpose(parts, [2, 0, 3, 1, 4]))  # [B, H, T, k] each
        scores = tf.cast(tf.matmul(query * self.head_width**-0.5, key, transpose_b=True), tf.float32)
        if places is not None:  # added: cheaper than a choice, forwards and backwards
            scores += tf.where(places.mask, 0.0, tf.float32.min)[:, tf.newaxis, tf.newaxis]
        weights = tf.cast(tf.nn.softmax(scores), value.dtype)
        if training and self.dropout:
            weights = tf.nn.dropout(weights, self.dropout)
        mixed = tf.transpose(weights @ value, [0, 2, 1, 3])
        mixed = tf.reshape(mixed, [shape[0], shape[1], self.heads * self.head_width])
        return self.merge(mixed if places is None else places.unpad(mixed))
