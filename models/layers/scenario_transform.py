"""SAR-Net's Scenario-Specific Transform layer."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras

from scenerank.models.layers.configured import ConfiguredLayer


@keras.utils.register_keras_serializable("scenerank")
class ScenarioTransform(ConfiguredLayer):
    """Transforms by scenario, `v' = v * beta_s + gamma_s`, SAR-Net Eq. 8; tables `[S, D]` start at 1 and 0: `v' = v`.

    Args:
      scenarios: S.
      table: name of the scenario's embedding table.

    Call arguments:
      inputs: float `[B, D]`.
      scenario: integers `[B]` in `[0, S)`.

    Returns:
      float `[B, D]`.

    Example:
      >>> ScenarioTransform(3, "page")(tf.ones([2, 6]), tf.constant([1, 2])).shape
      TensorShape([2, 6])
    """

    def __init__(self, scenarios: int, table: str, **options: Any) -> None:
        super().__init__(**options)
        self.scenarios, self.table = scenarios, table

    def build(self, input_shape: Any) -> None:
        shape = (self.scenarios, int(input_shape[-1]))
        self.scale = self.add_weight(name="scale", shape=shape, initializer="ones")
        self.shift = self.add_weight(name="shift", shape=shape, initializer="zeros")
        super().build(input_shape)

    def row_tables(self) -> list[tuple[tf.Variable, str]]:
        """Weights whose rows are those of a table, with its name."""
        return [(self.scale, self.table), (self.shift, self.table)]

    def call(self, inputs: tf.Tensor, scenario: tf.Tensor) -> tf.Tensor:
        return inputs * tf.gather(self.scale, scenario) + tf.gather(self.shift, scenario)
