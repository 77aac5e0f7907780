"""Cluster centres that follow their samples."""

from __future__ import annotations

from typing import Any

import models  # noqa: F401  isort: skip
import tensorflow as tf
import tf_keras as keras

SMALLEST_MASS = 1e-2
"""Rows' worth of shares below which a prototype stays where it is."""


@keras.utils.register_keras_serializable("scenerank")
class Prototypes(keras.layers.Layer):
    """K points in a metric space that move with the samples assigned to them, not by gradient (MuseNet Eq. 14).

    `move` takes each to `(1 - rate) c_k + rate * sum_i a_ki x_i / sum_i a_ki`, both sums over the rows of all
    replicas; a prototype that the batch gives almost no mass stays. They are weights, and are saved with the model.

    Args:
      count: K.
      rate: how far a step takes them to the batch's mean, alpha.
      scale: standard deviation of their coordinates at the start.

    Call arguments:
      samples: float `[B, D]`.

    Returns:
      float32 `[B, K]`: minus the squared distance to each prototype, but for the sample's own square, which is the
      same for all of them (Eqs. 15-16): a softmax of either is the same, and so is the nearest prototype.
    """

    def __init__(self, count: int, rate: float = 0.2, scale: float = 1.0, **options: Any) -> None:
        super().__init__(**options)
        self.count, self.rate, self.scale = count, rate, scale

    def build(self, input_shape: Any) -> None:
        self.prototypes = self.add_weight(
            name="prototypes",
            shape=(self.count, int(input_shape[-1])),
            initializer=keras.initializers.RandomNormal(0, self.scale),
            dtype=tf.float32,
            experimental_autocast=False,
            trainable=False,
            synchronization=tf.VariableSynchronization.ON_READ,
            aggregation=tf.VariableAggregation.MEAN,
        )
        super().build(input_shape)

    def move(self, samples: tf.Tensor, shares: tf.Tensor) -> None:
        """One step towards the samples.

        Args:
          samples: float `[B, D]`.
          shares: float `[B, K]`, how much each sample belongs to each prototype.
        """
        samples = tf.stop_gradient(tf.cast(samples, tf.float32))
        shares = tf.stop_gradient(tf.cast(shares, tf.float32))
        sums = tf.matmul(shares, samples, transpose_a=True)
        totals = tf.concat([sums, tf.reduce_sum(shares, 0)[:, tf.newaxis]], 1)
        context = tf.distribute.get_replica_context()
        if context is not None and context.num_replicas_in_sync > 1:
            totals = context.all_reduce(tf.distribute.ReduceOp.SUM, totals)
        sums, mass = totals[:, :-1], totals[:, -1:]
        steps = self.rate * (tf.math.divide_no_nan(sums, mass) - self.prototypes)
        self.prototypes.assign(self.prototypes + tf.where(mass > SMALLEST_MASS, steps, 0.0))

    def call(self, samples: tf.Tensor) -> tf.Tensor:
        points = tf.identity(self.prototypes)
        products = tf.matmul(tf.cast(samples, tf.float32), points, transpose_b=True)
        return 2.0 * products - tf.reduce_sum(tf.square(points), 1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "count": self.count, "rate": self.rate, "scale": self.scale}
