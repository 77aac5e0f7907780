"""Dense layers with weights of their own for every scenario."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras

from scenerank.models.layers.configured import ConfiguredLayer
from scenerank.models.layers.scenario_routing import ScenarioRoutes


@keras.utils.register_keras_serializable("scenerank")
class ScenarioDense(ConfiguredLayer):
    """Computes `x W_s + b_s` for each row's scenario s; with `experts`, E such products, each of an input of its own.

    It is a layer of a task's own (Caruana, Multitask Learning, 1997), with scenarios for tasks.

    Weights are stacked: kernel `[S, in, units]`, or `[S, E, in, units]`. Rows are grouped into blocks of one
    scenario (see `scenario_routing`); each block reads its scenario's weights once and is one matrix product of
    a batch. The cost follows the rows and the scenarios among them, not S, and the gradients are `IndexedSlices`.

    Args:
      scenarios: S.
      units: length of the output.
      table: name of the scenario's embedding table, whose rows the weights' rows are.
      experts: E, or None for a single product.
      use_bias: whether there is a bias `[S, units]`, `[S, E, units]`.
      kernel_initializer: of each scenario's matrix.
      fan_out: what `glorot_uniform` takes for the width of the output, if not `units`: a matrix that holds
        several networks' side by side starts as theirs would.
      l2: penalty on the kernels of the scenarios present, averaged over the batch's rows.

    Call arguments:
      inputs: float `[B, in]`; with experts `[B, E, in]`, one for each.
      routes: `ScenarioRoutes` of the batch.
      grouped: whether inputs and output are in blocks, `[N, K, ...]`, so that layers in a row group rows once.

    Returns:
      float `[B, units]`, or `[B, E, units]`.

    Example:
      >>> from scenerank.models.layers.scenario_routing import route
      >>> ScenarioDense(3, 4, table="page")(tf.ones([5, 6]), route(tf.constant([0, 1, 2, 2, 1]), 3)).shape
      TensorShape([5, 4])
    """

    def __init__(
        self,
        scenarios: int,
        units: int,
        *,
        table: str,
        experts: int | None = None,
        use_bias: bool = True,
        kernel_initializer: str = "glorot_uniform",
        fan_out: int | None = None,
        l2: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.scenarios, self.units, self.table, self.experts = scenarios, units, table, experts
        self.use_bias, self.kernel_initializer = use_bias, kernel_initializer
        self.fan_out, self.l2 = fan_out or units, l2

    def build(self, input_shape: Any) -> None:
        width = int(input_shape[-1])
        outer = (self.scenarios,) if self.experts is None else (self.scenarios, self.experts)
        initializer: Any = self.kernel_initializer
        if initializer == "glorot_uniform":
            limit = (6.0 / (width + self.fan_out)) ** 0.5
            initializer = keras.initializers.RandomUniform(-limit, limit)
        self.kernel = self.add_weight(name="kernel", shape=(*outer, width, self.units), initializer=initializer)
        if self.use_bias:
            self.bias = self.add_weight(name="bias", shape=(*outer, self.units), initializer="zeros")
        super().build(input_shape)

    def row_tables(self) -> list[tuple[tf.Variable, str]]:
        """Weights whose rows are those of a table, with its name."""
        return [(variable, self.table) for variable in self.weights]

    def kernel_of(self, scenario: tf.Tensor) -> tf.Tensor:
        """Kernels of scenarios `[N]`: `[N, in, units]`, or `[N, E, in, units]`."""
        return tf.gather(self.kernel, scenario)

    def bias_of(self, scenario: tf.Tensor) -> tf.Tensor:
        """Biases of scenarios `[N]`: `[N, units]`, or `[N, E, units]`."""
        return tf.gather(self.bias, scenario)

    def call(
        self, inputs: tf.Tensor, routes: ScenarioRoutes, training: bool = False, grouped: bool = False
    ) -> tf.Tensor:
        blocks = inputs if grouped else routes.group(inputs)
        kernel = self.kernel_of(routes.block_scenario)
        if training and self.l2:
            rows = tf.cast(tf.shape(routes.scenario)[0], tf.float32)
            self.add_loss(self.l2 * tf.reduce_sum(tf.square(tf.cast(kernel, tf.float32))) / rows)
        if self.experts is None:
            outputs = blocks @ kernel
        else:
            products = tf.transpose(blocks, [0, 2, 1, 3]) @ kernel
            outputs = tf.transpose(products, [0, 2, 1, 3])
        if grouped:
            return outputs + self.bias_of(routes.block_scenario)[:, tf.newaxis] if self.use_bias else outputs
        outputs = routes.ungroup(outputs)
        return outputs + self.bias_of(routes.scenario) if self.use_bias else outputs
