"""Dense layers one after another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from scenerank.models.layers.configured import ConfiguredLayer
from scenerank.models.layers.weighted_batch_norm import WeightedBatchNormalization


@keras.utils.register_keras_serializable("scenerank")
class MLP(ConfiguredLayer):
    """Stacks hidden layers of Dense, batch normalisation if wanted, activation, dropout; then Dense to `outputs`.

    Without normalisation it is the deep part of Wide & Deep (Cheng et al., DLRS 2016, Eq. 2).

    Args:
      units: widths of the hidden layers; may be empty.
      outputs: numbers given, or None: the last hidden layer is.
      activation, dropout, l2: of the hidden layers; `l2` penalises the kernel of the output, too.
      normalize: whether hidden layers are batch-normalised, over all replicas.
      momentum: of the moving moments.

    Input: float `[..., D]` (`[B, D]` if normalised).
    Output: float `[..., outputs]`, or `[..., units[-1]]`.

    Example:
      >>> MLP((8, 4), outputs=2)(tf.ones([3, 6])).shape
      TensorShape([3, 2])
    """

    def __init__(
        self,
        units: Sequence[int],
        outputs: int | None = 1,
        *,
        activation: str = "relu",
        dropout: float = 0.0,
        l2: float = 0.0,
        normalize: bool = False,
        momentum: float = 0.95,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.units, self.dropout, self.normalize = tuple(units), dropout, normalize

        def dense(size: int, name: str) -> keras.layers.Dense:
            bias = not normalize or name == "output"  # normalisation would take it away
            penalty = keras.regularizers.L2(l2) if l2 else None
            return keras.layers.Dense(size, use_bias=bias, kernel_regularizer=penalty, name=name)

        self.dense = [dense(size, f"dense_{i}") for i, size in enumerate(self.units)]
        self.norms = [
            WeightedBatchNormalization(momentum, name=f"norm_{i}") for i in range(len(self.units) if normalize else 0)
        ]
        self.activate = keras.layers.Activation(activation)
        self.last = dense(outputs, "output") if outputs else None

    @property
    def output_bias(self) -> tf.Variable:
        """Bias of the last layer, `[outputs]`."""
        assert self.last is not None
        return self.last.bias

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        hidden = inputs
        for i, layer in enumerate(self.dense):
            hidden = layer(hidden)
            if self.normalize:
                hidden = self.norms[i](hidden, training=training)
            hidden = self.activate(hidden)
            if training and self.dropout:
                hidden = tf.nn.dropout(hidden, self.dropout)
        return hidden if self.last is None else self.last(hidden)
