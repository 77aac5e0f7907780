"""Dense layers one after another, of each scenario's own: its tower."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from scenerank.models.layers.configured import ConfiguredLayer
from scenerank.models.layers.scenario_dense import ScenarioDense
from scenerank.models.layers.scenario_routing import ScenarioRoutes


@keras.utils.register_keras_serializable("scenerank")
class ScenarioMLP(ConfiguredLayer):
    """Computes an `MLP` of each row's scenario, without normalisation; rows are grouped once for all layers.

    It is a task's tower in MMoE (Ma et al., KDD 2018, Eq. 6), with scenarios for tasks.

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

    Example:
      >>> from scenerank.models.layers.scenario_routing import route
      >>> ScenarioMLP(3, "page", units=(8,))(tf.ones([5, 6]), route(tf.constant([0, 1, 2, 2, 1]), 3)).shape
      TensorShape([5, 1])
    """

    def __init__(
        self,
        scenarios: int,
        table: str,
        *,
        units: Sequence[int],
        outputs: int | None = 1,
        activation: str = "relu",
        dropout: float = 0.0,
        l2: float = 0.0,
        zero_output: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.units, self.dropout = tuple(units), dropout
        self.dense = [
            ScenarioDense(scenarios, size, table=table, l2=l2, name=f"dense_{i}") for i, size in enumerate(self.units)
        ]
        self.activate = keras.layers.Activation(activation)
        self.last = None
        if outputs:
            start = "zeros" if zero_output else "glorot_uniform"
            self.last = ScenarioDense(scenarios, outputs, table=table, kernel_initializer=start, l2=l2, name="output")

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
