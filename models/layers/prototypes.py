"""Cluster centres that follow their samples."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras

from scenerank.models.layers.configured import ConfiguredLayer
from scenerank.models.layers.replicas import all_sum

SMALLEST_MASS = 1e-2
"""Rows' worth of shares below which a prototype stays where it is."""
CANDIDATES = 64
"""Rows of the first batch that prototypes may start from."""


@keras.utils.register_keras_serializable("scenerank")
class Prototypes(ConfiguredLayer):
    """Keeps K points in a metric space that move with the samples assigned to them, not by gradient (MuseNet Eq. 14).

    `move` takes each to `(1 - rate) c_k + rate * sum_i a_ki x_i / sum_i a_ki`, both sums over the rows of all
    replicas; a prototype that the batch gives almost no mass stays. They are weights, and are saved with the model.

    Started `from_samples`, the first step ever moves them onto samples of its batch that are far from one another, see
    `far_apart`; CANDIDATES rows of all replicas may be chosen. That it was done is a weight, too: what is restored or
    trained further goes on with the prototypes that it has.

    Args:
      count: K.
      rate: how far a step takes them to the batch's mean, alpha.
      scale: standard deviation of their coordinates at the start.
      from_samples: above.

    Call arguments:
      samples: float `[B, D]`.

    Returns:
      float32 `[B, K]`: minus the squared distance to each prototype, but for the sample's own square, which is the
      same for all of them (Eqs. 15-16): a softmax of either is the same, and so is the nearest prototype.

    Example:
      >>> Prototypes(4)(tf.ones([2, 3])).shape
      TensorShape([2, 4])
    """

    def __init__(
        self, count: int, rate: float = 0.2, *, scale: float = 1.0, from_samples: bool = False, **options: Any
    ) -> None:
        super().__init__(**options)
        self.count, self.rate, self.scale, self.from_samples = count, rate, scale, from_samples

    def build(self, input_shape: Any) -> None:
        replicated: dict[str, Any] = {
            "dtype": tf.float32,
            "experimental_autocast": False,
            "trainable": False,
            "synchronization": tf.VariableSynchronization.ON_READ,
            "aggregation": tf.VariableAggregation.MEAN,
        }
        self.prototypes = self.add_weight(
            name="prototypes",
            shape=(self.count, int(input_shape[-1])),
            initializer=keras.initializers.RandomNormal(0, self.scale),
            **replicated,
        )
        if self.from_samples:
            self.started = self.add_weight(name="started", shape=(), initializer="zeros", **replicated)
        super().build(input_shape)

    def move(self, samples: tf.Tensor, shares: tf.Tensor) -> None:
        """Moves them a step towards the samples.

        Args:
          samples: float `[B, D]`.
          shares: float `[B, K]`, how much each sample belongs to each prototype.
        """
        samples = tf.stop_gradient(tf.cast(samples, tf.float32))
        shares = tf.stop_gradient(tf.cast(shares, tf.float32))
        sums = tf.matmul(shares, samples, transpose_a=True)
        totals = tf.concat([sums, tf.reduce_sum(shares, 0)[:, tf.newaxis]], 1)
        if self.from_samples:  # one sum over the replicas is cheaper than two
            candidates = _candidates(samples, max(CANDIDATES, self.count))
            totals = tf.concat([totals, tf.pad(candidates, [[0, 0], [0, 1]])], 0)
        totals = all_sum(totals)
        sums, mass = totals[: self.count, :-1], totals[: self.count, -1:]
        steps = self.rate * (tf.math.divide_no_nan(sums, mass) - self.prototypes)
        moved = self.prototypes + tf.where(mass > SMALLEST_MASS, steps, 0.0)
        if self.from_samples:
            first = far_apart(totals[self.count :, :-1], self.count)
            moved = tf.where(tf.convert_to_tensor(self.started) > 0, moved, first)
            self.started.assign(1.0)
        self.prototypes.assign(moved)

    def smallest_distance(self) -> tf.Tensor:
        """Measures between any two prototypes, float32 `[]`: 0 where two of them are the same."""
        points = tf.convert_to_tensor(self.prototypes)
        squares = tf.reduce_sum(tf.square(points[:, tf.newaxis] - points), -1)
        return tf.sqrt(tf.reduce_min(squares + tf.linalg.diag(tf.fill([self.count], tf.float32.max))))

    def call(self, samples: tf.Tensor) -> tf.Tensor:
        points = tf.identity(self.prototypes)
        products = tf.matmul(tf.cast(samples, tf.float32), points, transpose_b=True)
        return 2.0 * products - tf.reduce_sum(tf.square(points), 1)


def _candidates(samples: tf.Tensor, count: int) -> tf.Tensor:
    """About `count` rows of the global batch, at even distances, zero where other replicas have them: `[n, D]`."""
    context = tf.distribute.get_replica_context()
    replicas = context.num_replicas_in_sync if context is not None else 1
    own = -(-count // replicas)
    places = tf.range(own) * tf.shape(samples)[0] // own
    chosen = tf.gather(samples, places)
    if replicas == 1:
        return chosen
    here = tf.one_hot(context.replica_id_in_sync_group, replicas)
    return tf.reshape(here[:, tf.newaxis, tf.newaxis] * chosen, [replicas * own, samples.shape[-1]])


def far_apart(points: tf.Tensor, count: int) -> tf.Tensor:
    """Chooses of `points` `[n, D]` the nearest to their mean, then each the farthest from those before: `[count, D]`.

    See Gonzalez, Clustering to minimize the maximum intercluster distance, 1985.
    """

    def squares(place: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(tf.square(points - points[place]), -1)

    places = [tf.argmin(tf.reduce_sum(tf.square(points - tf.reduce_mean(points, 0)), -1))]
    nearest = squares(places[0])
    for _ in range(count - 1):
        places.append(tf.argmax(nearest))
        nearest = tf.minimum(nearest, squares(places[-1]))
    return tf.gather(points, tf.stack(places))
