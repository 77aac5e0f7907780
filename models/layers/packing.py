"""Behaviors without their padding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import tensorflow as tf

SMALLEST_VARIANCE = 1e-12
"""What is less is rounding, and counts as 0."""


class Packed(NamedTuple):
    """The real behaviors of a batch, one after another: N of the B * L positions.

    Or the N behaviors of one history that all rows of the batch share; what follows then computes once what depends on
    behaviors alone, and where a row has a say in it (weights, scores), a tensor is `[B, N]` instead of `[N]`.

    Attributes:
      features: tensors `[N]`, by feature name.
      rows: int64 `[N]`, ascending: the row of the batch that each behavior belongs to; None: to all of them.
      size: int64 scalar, number of histories: B, or 1.
    """

    features: dict[str, tf.Tensor]
    rows: tf.Tensor | None
    size: tf.Tensor


def history_mask(length: tf.Tensor, padded: tf.Tensor) -> tf.Tensor:
    """Tells real positions of `padded` (`[B, L]` or `[L]`) of `length` (int `[B]` or `[]`): bool, as `padded`."""
    return tf.sequence_mask(length, tf.shape(padded)[-1])


def pack(sequences: Mapping[str, tf.Tensor], length: tf.Tensor) -> Packed:
    """Drops the padding, so that what follows costs what the histories hold and cannot see padding at all.

    Args:
      sequences: tensors `[B, L]`, by feature name, at least one; or `[L]`, one history for all rows.
      length: int `[B]`, real positions of each row, at the front; or a scalar.

    Example:
      >>> pack({"item": tf.constant([[7, 8, 0], [9, 0, 0]])}, tf.constant([2, 1])).features["item"].numpy()
      array([7, 8, 9], dtype=int32)
    """
    first = next(iter(sequences.values()))
    if first.shape.rank == 1:
        real = {name: sequence[:length] for name, sequence in sequences.items()}
        return Packed(real, None, tf.constant(1, tf.int64))
    positions = tf.where(history_mask(length, first))
    return Packed(
        {name: tf.gather_nd(sequence, positions) for name, sequence in sequences.items()},
        positions[:, 0],
        tf.shape(first, tf.int64)[0],
    )


def at_behaviors(values: tf.Tensor, rows: tf.Tensor | None) -> tf.Tensor:
    """Puts values `[B, ...]` of the rows beside their behaviors: `[N, ...]`; where these are shared, `[B, 1, ...]`."""
    return values[:, tf.newaxis] if rows is None else tf.gather(values, rows)


def for_all_rows(values: tf.Tensor, rows: tf.Tensor | None, like: tf.Tensor) -> tf.Tensor:
    """Repeats the one sum over shared behaviors, `[1, D]`, for all rows: `[B, D]`; `like`: `[B, ...]`."""
    return values if rows is not None else tf.broadcast_to(values, [tf.shape(like)[0], values.shape[-1]])


def own_behaviors(values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Packs shared behaviors of which each row now has its own vectors, `[B, N, D]`: `[B N, D]`, rows and size."""
    shape = tf.shape(values, tf.int64)
    return tf.reshape(values, [-1, values.shape[-1]]), tf.repeat(tf.range(shape[0]), shape[1]), shape[0]


def packed_softmax(scores: tf.Tensor, rows: tf.Tensor | None, size: tf.Tensor) -> tf.Tensor:
    """Computes a softmax over each row's behaviors.

    Args:
      scores: float `[N]`; `[B, N]` where behaviors are shared and the rows have a say.
      rows, size: as in `Packed`.

    Returns:
      float32, as `scores`, summing to 1 in every row that has any.
    """
    scores = tf.cast(scores, tf.float32)
    if rows is None:
        return tf.nn.softmax(scores)
    highest = tf.stop_gradient(tf.math.unsorted_segment_max(scores, rows, size))
    exponents = tf.exp(scores - tf.gather(highest, rows))
    return exponents / tf.gather(tf.math.unsorted_segment_sum(exponents, rows, size), rows)


def packed_mean_weights(values: tf.Tensor, rows: tf.Tensor | None, size: tf.Tensor) -> tf.Tensor:
    """Weighs values `[N, ...]` for a mean: one over the number of behaviors of the row, float32 `[N]`."""
    ones = tf.ones([tf.shape(values)[0]])
    if rows is None:
        return ones / tf.cast(tf.size(ones), tf.float32)
    return ones / tf.gather(tf.math.unsorted_segment_sum(ones, rows, size), rows)


def packed_sum(values: tf.Tensor, weights: tf.Tensor, rows: tf.Tensor | None, size: tf.Tensor) -> tf.Tensor:
    """Sums `values` `[N, D]`, weighed, over each row's behaviors: `[B, D]`, zero for an empty history.

    Args:
      weights: `[N]`; where behaviors are shared, `[B, N]`, or `[N]` and the sum is `[1, D]`.
    """
    weights = tf.cast(weights, values.dtype)
    if rows is None:
        return (weights if weights.shape.rank == 2 else weights[tf.newaxis]) @ values
    return tf.math.unsorted_segment_sum(values * weights[:, tf.newaxis], rows, size)


def packed_moments(values: tf.Tensor, rows: tf.Tensor | None, size: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Computes mean and standard deviation of `values` `[N, D]` over each row's behaviors, SFPNet Eq. 2.

    The variance is the mean square of deviations, which equals Eq. 2's difference of squares but does not lose its
    digits. Where it is 0, as for a single behavior, so are the deviation and its gradient.

    Returns:
      (mean, deviation): float `[B, D]` each, `[1, D]` where behaviors are shared; zero for an empty history.
    """
    precise = tf.cast(values, tf.float32)
    weights = packed_mean_weights(values, rows, size)
    mean = packed_sum(precise, weights, rows, size)
    deviations = precise - (mean if rows is None else tf.gather(mean, rows))
    variance = packed_sum(tf.square(deviations), weights, rows, size)
    varies = variance > SMALLEST_VARIANCE
    deviation = tf.where(varies, tf.sqrt(tf.where(varies, variance, 1.0)), 0.0)
    return tf.cast(mean, values.dtype), tf.cast(deviation, values.dtype)
