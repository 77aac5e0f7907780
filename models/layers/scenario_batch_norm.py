"""Batch normalisation by scenario."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras

from scenerank.models.layers.configured import ConfiguredLayer
from scenerank.models.layers.folding import Folding
from scenerank.models.layers.replicas import all_sum


@keras.utils.register_keras_serializable("scenerank")
class ScenarioBatchNormalization(Folding, ConfiguredLayer):
    """Normalises each row by the moments of its own scenario's rows alone, as STAR does (Sheng et al., CIKM 2021).

    In training the moments are those of the scenario's n rows in the batch, pooled with `prior_rows` rows that have
    the scenario's moving moments: many rows speak for themselves, a single row does not normalise itself to zero.
    Rows of all replicas count. Moving moments are pooled likewise over the last `window` rows of the scenario,
    exactly averaged until there are that many. Inference uses the moving moments: the window must be short beside
    the time in which a training changes what it normalises, and long enough to estimate a variance (500 rows: to 6
    %). Gradients flow through the batch's moments.

    Args:
      scenarios: S.
      table: name of the scenario's embedding table.
      prior_rows: above; also the weight of the initial moments (mean 0, variance 1).
      window: above.
      epsilon: added to the variance.
      pooled_unknown: whether row 0, unknown, takes the moments of all scenarios' rows; for inputs that no weights of
        the scenario's own have shaped.

    Call arguments:
      inputs: float `[B, ...]`.
      scenario: integers `[B]` in `[0, S)`.

    Returns:
      as `inputs`; computed in float32.

    Example:
      >>> ScenarioBatchNormalization(3, "page")(tf.ones([2, 6]), tf.constant([1, 2])).shape
      TensorShape([2, 6])
    """

    def __init__(
        self,
        scenarios: int,
        table: str,
        *,
        prior_rows: float = 8.0,
        window: float = 500.0,
        epsilon: float = 1e-3,
        pooled_unknown: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.pooled_unknown = pooled_unknown
        self.scenarios, self.table, self.epsilon = scenarios, table, epsilon
        self.prior_rows, self.window = prior_rows, window

    def build(self, input_shape: Any) -> None:
        self.inner = tuple(int(n) for n in input_shape[1:])
        width = 1
        for n in self.inner:
            width *= n
        shape = (self.scenarios, width)
        full = {"dtype": tf.float32, "experimental_autocast": False}
        replicated = {
            **full,
            "trainable": False,
            "synchronization": tf.VariableSynchronization.ON_READ,
            "aggregation": tf.VariableAggregation.MEAN,
        }
        self.gamma = self.add_weight(name="gamma", shape=shape, initializer="ones", **full)
        self.beta = self.add_weight(name="beta", shape=shape, initializer="zeros", **full)
        self.moving_mean = self.add_weight(name="moving_mean", shape=shape, initializer="zeros", **replicated)
        self.moving_variance = self.add_weight(name="moving_variance", shape=shape, initializer="ones", **replicated)
        self.seen = self.add_weight(
            name="seen",
            shape=(self.scenarios, 1),
            initializer=keras.initializers.Constant(self.prior_rows),
            **replicated,
        )
        super().build(input_shape)

    def row_tables(self) -> list[tuple[tf.Variable, str]]:
        """Weights whose rows are those of a table, with its name."""
        return [(variable, self.table) for variable in self.weights]

    def _sums(self, rows: tf.Tensor, scenario: tf.Tensor) -> tf.Tensor:
        """Sums by scenario `[S, D]`, over the rows of all replicas."""
        return all_sum(tf.math.unsorted_segment_sum(rows, scenario, self.scenarios))

    def _batch_moments(self, rows: tf.Tensor, scenario: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Mean and variance to normalise by, `[S, D]`, and the update of the moving ones."""
        own = self._sums(tf.ones_like(rows[:, :1]), scenario)
        counts, sums = own, self._sums(rows, scenario)
        if self.pooled_unknown:
            counts, sums = total_first(counts, counts), total_first(sums, sums)
        mean = tf.math.divide_no_nan(sums, counts)
        squares = self._sums(tf.square(rows - tf.gather(mean, scenario)), scenario)
        if self.pooled_unknown:
            squares = total_first(squares + own * tf.square(mean - mean[:1]), squares)
        variance = tf.math.divide_no_nan(squares, counts)
        moving_mean, moving_variance = tf.identity(self.moving_mean), tf.identity(self.moving_variance)

        def pooled(share: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            between = share * (1.0 - share) * tf.square(mean - moving_mean)
            return (
                share * mean + (1.0 - share) * moving_mean,
                share * variance + (1.0 - share) * moving_variance + between,
            )

        seen = tf.minimum(self.seen, self.window)
        new_mean, new_variance = pooled(counts / (counts + seen))
        self.moving_mean.assign(tf.stop_gradient(new_mean))
        self.moving_variance.assign(tf.stop_gradient(new_variance))
        self.seen.assign(tf.minimum(self.seen + counts, self.window))
        return pooled(counts / (counts + self.prior_rows))

    def affine(self, scenario: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Factor and summand of the normalised rows, `[B, D]`."""
        return tf.gather(self.gamma, scenario), tf.gather(self.beta, scenario)

    def constants(self) -> tuple[tf.Tensor, ...]:
        """Factor and summand of rows as they come, `[S, D]`."""
        gamma, beta = self.affine(tf.range(self.scenarios))
        scale = gamma * tf.math.rsqrt(self.moving_variance + self.epsilon)
        return scale, beta - self.moving_mean * scale

    def call(self, inputs: tf.Tensor, scenario: tf.Tensor, training: bool = False) -> tf.Tensor:
        shape = tf.shape(inputs)
        rows = tf.reshape(tf.cast(inputs, tf.float32), [-1, self.gamma.shape[1]])
        if self.folded is not None and not training:
            scale, shift = (tf.gather(constant, scenario) for constant in self.folded)
            return tf.cast(tf.reshape(rows * scale + shift, shape), self.compute_dtype)
        if training:
            mean, variance = self._batch_moments(rows, scenario)
        else:
            mean, variance = self.moving_mean, self.moving_variance
        gamma, beta = self.affine(scenario)
        scale = gamma * tf.math.rsqrt(tf.gather(variance, scenario) + self.epsilon)
        normal = (rows - tf.gather(mean, scenario)) * scale + beta
        return tf.cast(tf.reshape(normal, shape), self.compute_dtype)


def total_first(parts: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
    """Puts the sum of `parts` `[S, D]` in place of the first of `rows` `[S, D]`."""
    return tf.concat([tf.reduce_sum(parts, 0, keepdims=True), rows[1:]], 0)
