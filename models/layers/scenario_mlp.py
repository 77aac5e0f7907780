"""Dense layers one after another, of each scenario's own: its tower."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import models  # noqa: F401  isort: skip
import tensorflow as tf
import tf_keras as keras

from models.layers.scenario_dense import ScenarioDense
from models.layers.scenario_routing import ScenarioRoutes


@keras.utils.register_keras_serializable("scenerank")
class ScenarioMLP(keras.layers.Layer):
    """As `MLP` without normalisation, but every scenario has weights of its own; rows are grouped once for all layers.

    Args:
      scenarios: S.
      table: name of the scenario's embedding table.
      units: widths of the hidden layers; may be empty.
      outputs: numbers given, or None: the last hidden layer is.
      activation, dropout, l2: of the hidden layers; `l2` penalises the kernel of the output, too.
      zero_output: the last layer starts at 0, so that all outputs do, and a scenario that is never seen keeps them.

    Call arguments:
      inputs: float `[B, D]`.
      routes: `ScenarioRoutes` of the batch.

    Returns:
      float `[B, outputs]`, or `[B, units[-1]]`.
    """

    def __init__(
        self,
        scenarios: int,
        table: str,
        units: Sequence[int],
        outputs: int | None = 1,
        activation: str = "relu",
        dropout: float = 0.0,
        l2: float = 0.0,
        zero_output: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.scenarios, self.table, self.units, self.outputs = scenarios, table, tuple(units), outputs
        self.activation, self.dropout, self.l2, self.zero_output = activation, dropout, l2, zero_output
        self.dense = [
            ScenarioDense(scenarios, size, table, l2=l2, name=f"dense_{i}") for i, size in enumerate(self.units)
        ]
        self.activate = keras.layers.Activation(activation)
        self.last = None
        if outputs:
            start = "zeros" if zero_output else "glorot_uniform"
            self.last = ScenarioDense(scenarios, outputs, table, kernel_initializer=start, l2=l2, name="output")

    @property
    def output_bias(self) -> tf.Variable:
        """Bias of the last layer, `[S, outputs]`."""
        assert self.last is not None
        return self.last.bias

    def call(self, inputs: tf.Tensor, routes: ScenarioRoutes, training: bool = False) -> tf.Tensor:
        blocks = routes.group(inputs)
        for layer in self.dense:
            blocks = self.activate(layer(blocks, routes, training=training, grouped=True))
            if training and self.dropout:
                blocks = tf.nn.dropout(blocks, self.dropout)
        if self.last is not None:
            blocks = self.last(blocks, routes, training=training, grouped=True)
        return routes.ungroup(blocks)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "scenarios": self.scenarios,
            "table": self.table,
            "units": list(self.units),
            "outputs": self.outputs,
            "activation": self.activation,
            "dropout": self.dropout,
            "l2": self.l2,
            "zero_output": self.zero_output,
        }
