"""Dense layers whose inputs a condition gates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from scenerank.models.layers.configured import ConfiguredLayer
from scenerank.models.layers.gate_unit import GateUnit


@keras.utils.register_keras_serializable("scenerank")
class GatedMLP(ConfiguredLayer):
    """Gates the input H of each hidden layer, seeing the condition s: SFPNet's scenario-aware DNN, Eqs. 9-11.

    `A = gate([H, s])` with a `GateUnit` of the layer's own, `H' = activation(W7 (H * A) + b7)`; then Dense to one
    number.

    Args:
      units: widths of the hidden layers; may be empty.
      gate_units: width of the gates' hidden layer, which the paper leaves open.
      activation, dropout: of the hidden layers.
      l2: penalty on all kernels.

    Call arguments:
      inputs: float `[B, D]`.
      condition: float `[B, C]`.

    Returns:
      float `[B, 1]`.

    Example:
      >>> GatedMLP((8,), 16)(tf.ones([3, 6]), tf.ones([3, 2])).shape
      TensorShape([3, 1])
    """

    def __init__(
        self,
        units: Sequence[int],
        gate_units: int = 128,
        *,
        activation: str = "relu",
        dropout: float = 0.0,
        l2: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.units, self.gate_units = tuple(units), gate_units
        self.activation, self.dropout, self.l2 = activation, dropout, l2

    def build(self, input_shape: Any) -> None:
        def dense(size: int, name: str, activation: str | None = None) -> keras.layers.Dense:
            penalty = keras.regularizers.L2(self.l2) if self.l2 else None
            return keras.layers.Dense(size, activation, kernel_regularizer=penalty, name=name)

        widths = [int(input_shape[-1]), *self.units]
        self.gates = [
            GateUnit(width, self.gate_units, l2=self.l2, name=f"gate_{i}") for i, width in enumerate(widths[:-1])
        ]
        self.dense = [dense(size, f"dense_{i}", self.activation) for i, size in enumerate(self.units)]
        self.last = dense(1, "output")
        super().build(input_shape)

    @property
    def output_bias(self) -> tf.Variable:
        """Bias of the last layer, `[1]`."""
        return self.last.bias

    def call(self, inputs: tf.Tensor, condition: tf.Tensor, training: bool = False) -> tf.Tensor:
        hidden = inputs
        for gate, layer in zip(self.gates, self.dense):
            hidden = layer(hidden * gate(tf.concat([hidden, condition], -1)))
            if training and self.dropout:
                hidden = tf.nn.dropout(hidden, self.dropout)
        return self.last(hidden)
