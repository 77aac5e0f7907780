"""Dense layers whose weights are shared ones times a scenario's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from scenerank.models.layers.folding import Folding
from scenerank.models.layers.scenario_dense import ScenarioDense
from scenerank.models.layers.scenario_routing import ScenarioRoutes


@keras.utils.register_keras_serializable("scenerank")
class StarDense(Folding, ScenarioDense):
    """Computes `x (W * W_s) + (b + b_s)` for each row's scenario s: STAR's topology (Sheng et al., CIKM 2021).

    All `W_s` start at 1 and all `b_s` at 0 (the paper does not say): a scenario without rows has the shared layer.

    Args:
      scenarios, units, table, l2: as in `ScenarioDense`; `l2` penalises the products.

    Example:
      >>> from scenerank.models.layers.scenario_routing import route
      >>> StarDense(3, 4, table="page")(tf.ones([5, 6]), route(tf.constant([0, 1, 2, 2, 1]), 3)).shape
      TensorShape([5, 4])
    """

    def __init__(self, scenarios: int, units: int, *, table: str, l2: float = 0.0, **options: Any) -> None:
        super().__init__(scenarios, units, table=table, kernel_initializer="ones", l2=l2, **options)

    def build(self, input_shape: Any) -> None:
        shape = (int(input_shape[-1]), self.units)
        self.shared_kernel = self.add_weight(name="shared_kernel", shape=shape, initializer="glorot_uniform")
        self.shared_bias = self.add_weight(name="shared_bias", shape=shape[1:], initializer="zeros")
        super().build(input_shape)

    def row_tables(self) -> list[tuple[tf.Variable, str]]:
        return [(self.kernel, self.table), (self.bias, self.table)]

    def constants(self) -> tuple[tf.Tensor, ...]:
        """The products, and the sums of biases."""
        every = tf.range(self.scenarios)
        return self.kernel_of(every), self.bias_of(every)

    def kernel_of(self, scenario: tf.Tensor) -> tf.Tensor:
        if self.folded is not None:
            return tf.cast(tf.gather(self.folded[0], scenario), self.compute_dtype)
        return super().kernel_of(scenario) * tf.convert_to_tensor(self.shared_kernel)

    def bias_of(self, scenario: tf.Tensor) -> tf.Tensor:
        if self.folded is not None:
            return tf.cast(tf.gather(self.folded[1], scenario), self.compute_dtype)
        return super().bias_of(scenario) + tf.convert_to_tensor(self.shared_bias)


def through(
    layers: Sequence[StarDense],
    blocks: tf.Tensor,
    routes: ScenarioRoutes,
    activate: keras.layers.Layer,
    dropout: float,
    training: bool,
) -> tf.Tensor:
    """Takes grouped rows, float `[N, K, D]`, through layers, the last linear and the others activated."""
    for i, layer in enumerate(layers):
        blocks = layer(blocks, routes, training=training, grouped=True)
        if i < len(layers) - 1:
            blocks = activate(blocks)
            if training and dropout:
                blocks = tf.nn.dropout(blocks, dropout)
    return blocks
