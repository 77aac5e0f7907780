"""Expert networks of each scenario's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from scenerank.models.layers.configured import ConfiguredLayer
from scenerank.models.layers.scenario_batch_norm import ScenarioBatchNormalization
from scenerank.models.layers.scenario_dense import ScenarioDense
from scenerank.models.layers.scenario_routing import ScenarioRoutes


@keras.utils.register_keras_serializable("scenerank")
class ScenarioExperts(ConfiguredLayer):
    """Computes E networks of each scenario's own, as `SharedExperts`; a row goes through its scenario's only.

    They are the task-specific experts of PLE (Tang et al., RecSys 2020), with scenarios for tasks.

    Args:
      scenarios: S.
      table: name of the scenario's embedding table.
      units: at least one hidden layer.
      experts, outputs, activation, dropout, l2, zero_output, normalize: as in `SharedExperts`, per scenario.
      prior_rows: of the normalisation by scenario, see `ScenarioBatchNormalization`.

    Call arguments:
      inputs: float `[B, D]`.
      routes: `ScenarioRoutes` of the batch.

    Returns:
      float `[B, E, outputs]`, or `[B, E, units[-1]]`.

    Example:
      >>> from scenerank.models.layers.scenario_routing import route
      >>> experts = ScenarioExperts(3, "page", experts=2, units=(8,))
      >>> experts(tf.ones([5, 6]), route(tf.constant([0, 1, 2, 2, 1]), 3)).shape
      TensorShape([5, 2, 1])
    """

    def __init__(
        self,
        scenarios: int,
        table: str,
        *,
        experts: int,
        units: Sequence[int],
        outputs: int | None = 1,
        activation: str = "relu",
        dropout: float = 0.0,
        l2: float = 0.0,
        prior_rows: float = 8.0,
        zero_output: bool = False,
        normalize: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.experts, self.units = experts, tuple(units)
        self.dropout, self.normalize = dropout, normalize
        bias = not normalize  # which would take it away
        self.dense = [  # all experts of a scenario share the first input: one product for all of them
            ScenarioDense(scenarios, experts * size, table=table, use_bias=bias, fan_out=size, l2=l2, name=f"dense_{i}")
            if i == 0
            else ScenarioDense(scenarios, size, table=table, experts=experts, use_bias=bias, l2=l2, name=f"dense_{i}")
            for i, size in enumerate(self.units)
        ]
        self.norms = [
            ScenarioBatchNormalization(scenarios, table, prior_rows=prior_rows, name=f"norm_{i}")
            for i in range(len(self.units) if normalize else 0)
        ]
        start = "zeros" if zero_output else "glorot_uniform"
        self.last = None
        if outputs:
            self.last = ScenarioDense(
                scenarios,
                outputs,
                table=table,
                experts=experts,
                use_bias=not zero_output,
                kernel_initializer=start,
                l2=l2,
                name="output",
            )
        self.activate = keras.layers.Activation(activation)

    @property
    def output_bias(self) -> tf.Variable:
        """Bias of the last layer, `[S, E, outputs]`."""
        assert self.last is not None
        return self.last.bias

    def call(self, inputs: tf.Tensor, routes: ScenarioRoutes, training: bool = False) -> tf.Tensor:
        hidden = inputs
        for i, (dense, size) in enumerate(zip(self.dense, self.units)):
            hidden = tf.reshape(dense(hidden, routes, training=training), [-1, self.experts * size])
            if self.normalize:
                hidden = self.norms[i](hidden, routes.scenario, training=training)
            hidden = self.activate(hidden)
            hidden = tf.reshape(hidden, [-1, self.experts, size])
            if training and self.dropout:
                hidden = tf.nn.dropout(hidden, self.dropout)
        return hidden if self.last is None else self.last(hidden, routes, training=training)
