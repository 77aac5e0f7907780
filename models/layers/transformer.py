"""The encoder of a Transformer, over histories."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras

from scenerank.models.layers.configured import ConfiguredLayer
from scenerank.models.layers.padding import Places, places
from scenerank.models.layers.self_attention import SelfAttention

EPSILON = 1e-6
"""In layer normalisations: small beside the variance of fresh embeddings."""


@keras.utils.register_keras_serializable("scenerank")
class TransformerEncoderLayer(ConfiguredLayer):
    """Computes `y = LN(x + SelfAttention(x))`, `LN(y + W_2 ReLU(W_1 y + b_1) + b_2)` (Vaswani et al., section 3.1).

    Args:
      heads, head_width, l2: see `SelfAttention`.
      units: width of the feed-forward network's hidden layer.
      dropout: share of the attention weights, and of what is added to x and to y, set to 0 in training.

    Call arguments:
      inputs: packed behaviors, float `[N, D]`.
      places: of them, see `padding.places`.

    Returns:
      float `[N, D]`.

    Example:
      >>> rows, size = tf.constant([0, 0, 1], tf.int64), tf.constant(2, tf.int64)  # of three behaviors, two of row 0
      >>> layer, behaviors = TransformerEncoderLayer(2, 8, units=16), tf.ones([3, 6])
      >>> layer(behaviors, places(behaviors, rows, size)).shape
      TensorShape([3, 6])
    """

    def __init__(
        self, heads: int, head_width: int, *, units: int, dropout: float = 0.0, l2: float = 0.0, **options: Any
    ) -> None:
        super().__init__(**options)
        self.heads, self.head_width, self.units, self.dropout, self.l2 = heads, head_width, units, dropout, l2
        self.attention = SelfAttention(heads, head_width, dropout=dropout, l2=l2, name="attention")
        self.attention_norm = keras.layers.LayerNormalization(epsilon=EPSILON, name="attention_norm")
        self.norm = keras.layers.LayerNormalization(epsilon=EPSILON, name="norm")

    def build(self, input_shape: Any) -> None:
        def penalty() -> Any:
            return keras.regularizers.L2(self.l2) if self.l2 else None

        self.hidden = keras.layers.Dense(self.units, "relu", kernel_regularizer=penalty(), name="hidden")
        self.output_dense = keras.layers.Dense(int(input_shape[-1]), kernel_regularizer=penalty(), name="output")
        super().build(input_shape)

    def call(self, inputs: tf.Tensor, places: Places, training: bool = False) -> tf.Tensor:
        def dropped(values: tf.Tensor) -> tf.Tensor:
            return tf.nn.dropout(values, self.dropout) if training and self.dropout else values

        state = self.attention_norm(inputs + dropped(self.attention(inputs, places, training=training)))
        return self.norm(state + dropped(self.output_dense(self.hidden(state))))


@keras.utils.register_keras_serializable("scenerank")
class TransformerEncoder(ConfiguredLayer):
    """Encodes each row's behaviors by encoder layers, with learned positions (Vaswani et al., NeurIPS 2017, section 3).

    Positions are counted from the latest behavior back, so that the latest have the same one in short and long
    histories; older ones than the table knows share its last row.

    Args:
      layers: how many.
      length: positions known.
      initial_scale: standard deviation of the positions' initial values.
      heads, head_width, units, dropout, l2: see `TransformerEncoderLayer`.

    Call arguments:
      inputs: packed behaviors, float `[N, D]`, oldest first.
      rows, size: as in `packing.Packed`.

    Returns:
      float `[N, D]`.

    Example:
      >>> rows, size = tf.constant([0, 0, 1], tf.int64), tf.constant(2, tf.int64)  # of three behaviors, two of row 0
      >>> encoder = TransformerEncoder(1, 50, heads=2, head_width=8, units=16)
      >>> encoder(tf.ones([3, 6]), rows, size).shape
      TensorShape([3, 6])
    """

    def __init__(
        self,
        layers: int,
        length: int,
        *,
        heads: int,
        head_width: int,
        units: int,
        dropout: float = 0.0,
        l2: float = 0.0,
        initial_scale: float = 0.05,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.length, self.initial_scale = length, initial_scale
        self.layers = [
            TransformerEncoderLayer(heads, head_width, units=units, dropout=dropout, l2=l2, name=f"layer_{i}")
            for i in range(layers)
        ]

    def build(self, input_shape: Any) -> None:
        self.positions = self.add_weight(
            name="positions",
            shape=(self.length, int(input_shape[-1])),
            initializer=keras.initializers.RandomNormal(0, self.initial_scale),
        )
        super().build(input_shape)

    def call(self, inputs: tf.Tensor, rows: tf.Tensor | None, size: tf.Tensor, training: bool = False) -> tf.Tensor:
        where = places(inputs, rows, size)
        state = inputs + tf.gather(self.positions, tf.minimum(where.recency, self.length - 1))
        for layer in self.layers:
            state = layer(state, where, training=training)
        return state
