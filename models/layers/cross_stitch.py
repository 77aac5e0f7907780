"""Networks of all scenarios, stitched together layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from scenerank.models.layers.configured import ConfiguredLayer


def stitch_values(scenarios: int, own: float) -> np.ndarray:
    """Initial shares `[S, S]`: `own` for a scenario's network, the rest evenly for the others'.

    The unknown scenario, row 0, starts with the mean of the others.
    """
    if scenarios == 1:
        return np.ones((1, 1), np.float32)
    values = np.full((scenarios, scenarios), (1.0 - own) / (scenarios - 1), np.float32)
    np.fill_diagonal(values, own)
    values[0] = 1.0 / (scenarios - 1)
    values[0, 0] = 0.0
    return values


@keras.utils.register_keras_serializable("scenerank")
class CrossStitchNetworks(ConfiguredLayer):
    """Stitches S networks together; after each hidden layer `x_s = sum_t alpha_st x_t` (Misra et al., CVPR 2016).

    One alpha for a layer and a pair of scenarios. A row is computed in all S networks, as each state mixes all; after
    the last layer only its own scenario's mixture is.

    Args:
      scenarios: S.
      table: name of the scenario's embedding table.
      units: widths of the hidden layers, at least one.
      own: alpha_ss at the start.
      activation, dropout, l2: of the hidden layers.

    Call arguments:
      inputs: float `[B, D]`.
      scenario: integers `[B]` in `[0, S)`.

    Returns:
      float `[B, units[-1]]`.

    Example:
      >>> networks = CrossStitchNetworks(3, "page", units=(8, 4))
      >>> networks(tf.ones([5, 6]), tf.constant([0, 1, 2, 2, 1])).shape
      TensorShape([5, 4])
    """

    def __init__(
        self,
        scenarios: int,
        table: str,
        *,
        units: Sequence[int],
        own: float = 0.9,
        activation: str = "relu",
        dropout: float = 0.0,
        l2: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.scenarios, self.table, self.units, self.own = scenarios, table, tuple(units), own
        self.dropout, self.l2 = dropout, l2
        self.activate = keras.layers.Activation(activation)

    def build(self, input_shape: Any) -> None:
        widths = (int(input_shape[-1]), *self.units)
        start = keras.initializers.Constant(stitch_values(self.scenarios, self.own))
        self.kernels: list[tf.Variable] = []
        self.biases: list[tf.Variable] = []
        self.stitches: list[tf.Variable] = []
        for i, (width, size) in enumerate(zip(widths, self.units)):
            limit = (6.0 / (width + size)) ** 0.5
            self.kernels.append(
                self.add_weight(
                    name=f"kernel_{i}",
                    shape=(self.scenarios, width, size),
                    initializer=keras.initializers.RandomUniform(-limit, limit),
                    regularizer=keras.regularizers.L2(self.l2) if self.l2 else None,
                )
            )
            self.biases.append(self.add_weight(name=f"bias_{i}", shape=(self.scenarios, size), initializer="zeros"))
            self.stitches.append(
                self.add_weight(name=f"stitch_{i}", shape=(self.scenarios, self.scenarios), initializer=start)
            )
        super().build(input_shape)

    def row_tables(self) -> list[tuple[tf.Variable, str]]:
        """Weights whose rows are those of a table, with its name."""
        return [(variable, self.table) for variable in self.weights]

    def call(self, inputs: tf.Tensor, scenario: tf.Tensor, training: bool = False) -> tf.Tensor:
        hidden = inputs[tf.newaxis]  # the networks lie in axis 0: all products are of whole matrices
        for i, (kernel, bias, stitch) in enumerate(zip(self.kernels, self.biases, self.stitches)):
            hidden = self.activate(hidden @ kernel + tf.convert_to_tensor(bias)[:, tf.newaxis])
            if training and self.dropout:
                hidden = tf.nn.dropout(hidden, self.dropout)
            if i < len(self.units) - 1:
                hidden = tf.einsum("st,tbo->sbo", tf.convert_to_tensor(stitch), hidden)
        return tf.einsum("bt,tbo->bo", tf.gather(self.stitches[-1], scenario), hidden)
