"""Mixing experts by scenario."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras

from scenerank.models.layers.configured import ConfiguredLayer
from scenerank.models.layers.scenario_dense import ScenarioDense
from scenerank.models.layers.scenario_routing import ScenarioRoutes

UNKNOWN_SCENARIO = 0


@keras.utils.register_keras_serializable("scenerank")
class ScenarioGate(ConfiguredLayer):
    """Shares out a row among its scenario's own and the shared experts: `softmax(W_s v')`, SAR-Net Eq. 10.

    All `W_s` start at 0: every expert has an equal say until the scenario's rows speak. A scenario without a row
    of its own (row 0) has no trained experts; its gate leaves them out and mixes the shared ones.

    Args:
      scenarios: S.
      table: name of the scenario's embedding table.
      specific, shared: numbers of experts, in the order of the output.

    Call arguments:
      inputs: float `[B, D]`.
      routes: `ScenarioRoutes` of the batch.

    Returns:
      float32 `[B, specific + shared]`, each row summing to 1.

    Example:
      >>> from scenerank.models.layers.scenario_routing import route
      >>> gate = ScenarioGate(3, "page", specific=1, shared=1)
      >>> gate(tf.ones([2, 6]), route(tf.constant([0, 2]), 3)).numpy()  # an unknown scenario has no expert of its own
      array([[0. , 1. ],
             [0.5, 0.5]], dtype=float32)
    """

    def __init__(self, scenarios: int, table: str, *, specific: int, shared: int, **options: Any) -> None:
        super().__init__(**options)
        self.specific, self.shared = specific, shared
        self.dense = ScenarioDense(
            scenarios, specific + shared, table=table, use_bias=False, kernel_initializer="zeros", name="weights"
        )

    def call(self, inputs: tf.Tensor, routes: ScenarioRoutes) -> tf.Tensor:
        logits = tf.cast(self.dense(inputs, routes), tf.float32)
        if self.specific and self.shared:
            own = tf.range(self.specific + self.shared) < self.specific
            unknown = tf.equal(routes.scenario, UNKNOWN_SCENARIO)
            logits = tf.where(unknown[:, tf.newaxis] & own, tf.float32.min, logits)
        return tf.nn.softmax(logits)
