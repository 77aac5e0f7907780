"""SFPNet's Scenario-Tailoring Block."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras

from scenerank.models.layers.configured import ConfiguredLayer
from scenerank.models.layers.gate_unit import GateUnit
from scenerank.models.layers.packing import for_all_rows, packed_mean_weights, packed_moments, packed_sum
from scenerank.models.layers.residual_tailoring import ResidualTailoring


@keras.utils.register_keras_serializable("scenerank")
class ScenarioTailoring(ConfiguredLayer):
    """Tailors fields and behaviors to the scenario: a block of SFPNet (section 4), its gate, then `ResidualTailoring`.

    Behaviors are pooled to B, their mean and standard deviation (Eq. 2); `X_hat = [fields, B] * A` with the gate
    A = GateUnit([fields, B, s]) (Eqs. 3-4), s being the scenario's vector.
    Without the gate, X_hat is `[fields, B]`, and the scenario does not enter. Without the residuals the gated fields
    are the block's output; behaviors stay as they are, so that nothing would read a gated B: there is no gate for it.

    Args:
      width: d.
      gate_units: width of the gate's hidden layer, which the paper leaves open.
      context_units: `hidden` of `ResidualTailoring`.
      history: whether there are behaviors.
      deviation: whether B has the standard deviation beside the mean (Table 5, DAP).
      gate: whether there is the Scenario-Adaptive Module's gate (Table 5, SAM).
      residual: whether there is the Residual-Tailoring Module (Table 5, RTM).
      l2: penalty on the kernels of dense layers.

    Call arguments:
      fields: float `[B, n, d]`.
      scenario: s, float `[B, C]`.
      behaviors, rows, size: float `[N, d]`, the others as in `packing.Packed`; None without a history.

    Returns:
      (fields, behaviors), of the same shapes; behaviors `[B, N, d]` where rows shared them and do so no more.

    Example:
      >>> rows, size = tf.constant([0, 0, 1], tf.int64), tf.constant(2, tf.int64)  # of three behaviors, two of row 0
      >>> block = ScenarioTailoring(4, 16)
      >>> fields, behaviors = block(tf.ones([2, 5, 4]), tf.ones([2, 6]), tf.ones([3, 4]), rows, size)
      >>> fields.shape, behaviors.shape
      (TensorShape([2, 5, 4]), TensorShape([3, 4]))
    """

    def __init__(
        self,
        width: int,
        gate_units: int = 128,
        *,
        context_units: int = 128,
        history: bool = True,
        deviation: bool = True,
        gate: bool = True,
        residual: bool = True,
        l2: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.gated, self.gate_units, self.l2 = gate, gate_units, l2
        self.history, self.deviation = history, deviation
        self.pooled = width * (1 + deviation) if history else 0
        self.residual = (
            ResidualTailoring(width, context_units, pooled=self.pooled, l2=l2, name="residual") if residual else None
        )
        self.gate: GateUnit | None = None

    def build(self, input_shape: Any) -> None:
        width = int(input_shape[1]) * int(input_shape[2]) + (self.pooled if self.residual is not None else 0)
        if self.gated:
            self.gate = GateUnit(width, self.gate_units, l2=self.l2, name="gate")
        super().build(input_shape)

    def _pool(self, behaviors: tf.Tensor, rows: tf.Tensor | None, size: tf.Tensor) -> list[tf.Tensor]:
        if self.deviation:
            return list(packed_moments(behaviors, rows, size))
        return [packed_sum(behaviors, packed_mean_weights(behaviors, rows, size), rows, size)]

    def call(
        self,
        fields: tf.Tensor,
        scenario: tf.Tensor,
        behaviors: tf.Tensor | None = None,
        rows: tf.Tensor | None = None,
        size: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor | None]:
        context = tf.reshape(fields, [-1, fields.shape[1] * fields.shape[2]])
        pooled = [for_all_rows(p, rows, fields) for p in self._pool(behaviors, rows, size)] if self.history else []
        seen = tf.concat([context, *pooled], -1)
        if self.residual is not None:
            context = seen
        if self.gate is not None:
            context *= self.gate(tf.concat([seen, scenario], -1))
        if self.residual is None:
            return tf.reshape(context, tf.shape(fields)), behaviors
        return self.residual(context, fields, behaviors, rows)
