"""Progressive layered extraction, the replacement of the transform in SAR-Net's Table 6."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from scenerank.models.layers.configured import ConfiguredLayer
from scenerank.models.layers.experts import SharedExperts
from scenerank.models.layers.gates import ScenarioGate
from scenerank.models.layers.scenario_experts import ScenarioExperts
from scenerank.models.layers.scenario_routing import ScenarioRoutes


@keras.utils.register_keras_serializable("scenerank")
class ExtractionLayer(ConfiguredLayer):
    """Mixes experts into a scenario's own and a shared state: an extraction layer of PLE (Tang et al., RecSys 2020).

    The own state mixes the scenario's and the shared experts by a gate of the scenario. PLE's shared gate mixes
    the experts of all tasks, which would make a row cost S experts: here it mixes, by weights that all scenarios
    share, the shared experts and those of the row's own scenario.

    Args:
      scenarios: S.
      table: name of the scenario's embedding table.
      specific, shared: numbers of experts; both at least 1.
      units: widths of a shared expert's layers; the last is that of the states.
      specific_units: widths of the layers of a scenario's own experts before the last; None: as the shared ones'.
      activation, dropout, l2, normalize: of the experts.
      last: whether no layer follows that reads a common state: there is no shared gate, and both states given are
        the own one.

    Call arguments:
      own, common: the states, float `[B, D]`; both the input in the first layer.
      routes: `ScenarioRoutes` of the batch.

    Returns:
      (own, common): float `[B, units[-1]]` each.

    Example:
      >>> from scenerank.models.layers.scenario_routing import route
      >>> layer = ExtractionLayer(3, "page", specific=1, shared=2, units=(8,))
      >>> own, common = layer(tf.ones([5, 6]), tf.ones([5, 6]), route(tf.constant([0, 1, 2, 2, 1]), 3))
      >>> own.shape, common.shape
      (TensorShape([5, 8]), TensorShape([5, 8]))
    """

    def __init__(
        self,
        scenarios: int,
        table: str,
        *,
        specific: int,
        shared: int,
        units: Sequence[int],
        activation: str = "relu",
        dropout: float = 0.0,
        l2: float = 0.0,
        normalize: bool = True,
        last: bool = False,
        specific_units: Sequence[int] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        own_units = units if specific_units is None else (*specific_units, units[-1])
        self.specific_experts = ScenarioExperts(
            scenarios,
            table,
            experts=specific,
            units=own_units,
            outputs=None,
            activation=activation,
            dropout=dropout,
            l2=l2,
            normalize=normalize,
            name="specific_experts",
        )
        self.shared_experts = SharedExperts(
            shared,
            units,
            outputs=None,
            activation=activation,
            dropout=dropout,
            l2=l2,
            normalize=normalize,
            name="shared_experts",
        )
        self.own_gate = ScenarioGate(scenarios, table, specific=specific, shared=shared, name="own_gate")
        self.common_gate = None
        if not last:
            self.common_gate = keras.layers.Dense(
                specific + shared, use_bias=False, kernel_initializer="zeros", name="common_gate"
            )

    def call(
        self, own: tf.Tensor, common: tf.Tensor, routes: ScenarioRoutes, training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        outputs = tf.concat(
            [
                self.specific_experts(own, routes, training=training),
                self.shared_experts(common, training=training),
            ],
            1,
        )
        own_share = tf.cast(self.own_gate(own, routes), outputs.dtype)
        own_state = tf.einsum("be,bed->bd", own_share, outputs)
        if self.common_gate is None:
            return own_state, own_state
        common_share = tf.nn.softmax(self.common_gate(common))
        return own_state, tf.einsum("be,bed->bd", common_share, outputs)
