"""Adversaries: what reads a state in order that the state learns not to be read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from scenerank.models.layers.configured import ConfiguredLayer
from scenerank.models.layers.mlp import MLP


@tf.custom_gradient
def reverse_gradient(inputs: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
    """Gives the inputs, through which gradients pass with their sign turned (Ganin and Lempitsky, ICML 2015)."""
    return tf.identity(inputs), lambda upstream: -upstream


@keras.utils.register_keras_serializable("scenerank")
class ScenarioDiscriminator(ConfiguredLayer):
    """Guesses the scenario from a state, whose gradients are reversed (Ganin and Lempitsky, ICML 2015).

    Args:
      scenarios: S.
      table: name of the scenario's embedding table, whose rows those of the last layer are.
      units: hidden layers.
      activation, dropout, l2: of the hidden layers.

    Call arguments:
      inputs: float `[B, D]`.
      scenario: integers `[B]` in `[0, S)`.

    Returns:
      cross-entropy of the guess, float32 `[B]`; 0 for rows of an unknown scenario, 0, which is no class.

    Example:
      >>> ScenarioDiscriminator(3, "page")(tf.ones([2, 6]), tf.constant([1, 2])).shape
      TensorShape([2])
    """

    def __init__(
        self,
        scenarios: int,
        table: str,
        *,
        units: Sequence[int] = (64,),
        activation: str = "relu",
        dropout: float = 0.0,
        l2: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.scenarios, self.table, self.units = scenarios, table, tuple(units)
        self.hidden = MLP(units, None, activation=activation, dropout=dropout, l2=l2, name="hidden")

    def build(self, input_shape: Any) -> None:
        width = self.units[-1] if self.units else int(input_shape[-1])
        limit = (6.0 / (width + self.scenarios)) ** 0.5
        start = keras.initializers.RandomUniform(-limit, limit)
        self.kernel = self.add_weight(name="kernel", shape=(self.scenarios, width), initializer=start)
        self.bias = self.add_weight(name="bias", shape=(self.scenarios,), initializer="zeros")
        super().build(input_shape)

    def row_tables(self) -> list[tuple[tf.Variable, str]]:
        """Weights whose rows are those of a table, with its name."""
        return [(self.kernel, self.table), (self.bias, self.table)]

    def call(self, inputs: tf.Tensor, scenario: tf.Tensor, training: bool = False) -> tf.Tensor:
        hidden = self.hidden(reverse_gradient(inputs), training=training)
        logits = tf.cast(tf.matmul(hidden, self.kernel, transpose_b=True) + self.bias, tf.float32)
        known = tf.range(self.scenarios) > 0
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(scenario, tf.where(known, logits, -1e9))
        return tf.where(scenario > 0, losses, 0.0)
