"""Expert networks that all scenarios share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from scenerank.models.layers.configured import ConfiguredLayer


@keras.utils.register_keras_serializable("scenerank")
class SharedExperts(ConfiguredLayer):
    """Computes E networks of the same shape over one input, side by side: experts of MMoE (Ma et al., KDD 2018).

    Each hidden layer is Dense, batch normalisation if wanted, activation, dropout; the last one Dense to `outputs`
    numbers, or nothing if `outputs` is None: the experts then give their last hidden layer (SAR-Net section 4.5; PLE).

    Args:
      experts: E.
      units: widths of the hidden layers.
      outputs: numbers an expert gives (1: a score), or None.
      activation, dropout, l2: of the hidden layers.
      momentum: of the batch normalisation's moving moments.
      zero_output: the last layer starts at 0 and has no bias, so that all outputs start at 0.
      normalize: whether hidden layers are batch-normalised; if not they have biases.

    Call arguments:
      inputs: float `[B, D]`.

    Returns:
      float `[B, E, outputs]`, or `[B, E, units[-1]]`.

    Example:
      >>> SharedExperts(3, (8,), outputs=2)(tf.ones([5, 6])).shape
      TensorShape([5, 3, 2])
    """

    def __init__(
        self,
        experts: int,
        units: Sequence[int],
        *,
        outputs: int | None = 1,
        activation: str = "relu",
        dropout: float = 0.0,
        l2: float = 0.0,
        momentum: float = 0.95,
        zero_output: bool = False,
        normalize: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.experts, self.units, self.outputs = experts, tuple(units), outputs
        self.activation, self.dropout, self.l2 = activation, dropout, l2
        self.momentum, self.zero_output, self.normalize = momentum, zero_output, normalize

    def build(self, input_shape: Any) -> None:
        width = int(input_shape[-1])
        sizes = [*self.units, *([self.outputs] if self.outputs else [])]
        self.kernels: list[tf.Variable] = []
        for i, size in enumerate(sizes):
            limit = (6.0 / (width + size)) ** 0.5
            last = i == len(self.units)
            self.kernels.append(
                self.add_weight(
                    name=f"kernel_{i}",
                    shape=(self.experts, width, size),
                    initializer="zeros"
                    if last and self.zero_output
                    else keras.initializers.RandomUniform(-limit, limit),
                    regularizer=keras.regularizers.L2(self.l2) if self.l2 else None,
                )
            )
            width = size
        self.hidden_biases = [  # normalisation would take them away
            self.add_weight(name=f"bias_{i}", shape=(self.experts, size), initializer="zeros")
            for i, size in enumerate(() if self.normalize else self.units)
        ]
        self.bias = None
        if self.outputs and not self.zero_output:
            self.bias = self.add_weight(name="bias", shape=(self.experts, self.outputs), initializer="zeros")
        self.norms = [
            keras.layers.BatchNormalization(momentum=self.momentum, synchronized=True, name=f"norm_{i}")
            for i in range(len(self.units) if self.normalize else 0)
        ]
        self.activate = keras.layers.Activation(self.activation)
        super().build(input_shape)

    @property
    def output_bias(self) -> tf.Variable:
        """Bias of the last layer, `[E, outputs]`."""
        assert self.bias is not None
        return self.bias

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        hidden = inputs
        for i, kernel in enumerate(self.kernels):
            equation = "bi,eio->beo" if i == 0 else "bei,eio->beo"
            hidden = tf.einsum(equation, hidden, tf.convert_to_tensor(kernel))
            if i < len(self.units):
                if not self.normalize:
                    hidden += self.hidden_biases[i]
                flat = tf.reshape(hidden, [-1, self.experts * self.units[i]])
                flat = self.activate(self.norms[i](flat, training=training) if self.normalize else flat)
                if training and self.dropout:
                    flat = tf.nn.dropout(flat, self.dropout)
                hidden = tf.reshape(flat, [-1, self.experts, self.units[i]])
        return hidden if self.bias is None else hidden + self.bias
