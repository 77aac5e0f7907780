"""Behaviors without their padding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import models  # noqa: F401  isort: skip
import tensorflow as tf

SMALLEST_VARIANCE = 1e-12
"""What is less is rounding, and counts as 0."""


class Packed(NamedTuple):
    """The real behaviors of a batch, one after another: N of the B * L positions.

    Attributes:
      features: tensors `[N]`, by feature name.
      rows: int64 `[N]`, ascending: the row of the batch that each behavior belongs to.
      size: int64 scalar, B.
    """

    features: dict[str, tf.Tensor]
    rows: tf.Tensor
    size: tf.Tensor


def history_mask(length: tf.Tensor, padded: tf.Tensor) -> tf.Tensor:
    """bool `[B, L]`: which positions of `padded` (`[B, L]`) are real, of `length` (int `[B]`) each."""
    return tf.sequence_mask(length, tf.shape(padded)[1])


def pack(sequences: Mapping[str, tf.Tensor], length: tf.Tensor) -> Packed:
    """Drops the padding, so that what follows costs what the histories hold and cannot see padding at all.

    Args:
      sequences: tensors `[B, L]`, by feature name; at least one.
      length: int `[B]`, real positions of each row, at the front.
    """
    first = next(iter(sequences.values()))
    positions = tf.where(history_mask(length, first))
    return Packed(
        {name: tf.gather_nd(sequence, positions) for name, sequence in sequences.items()},
        positions[:, 0],
        tf.shape(first, tf.int64)[0],
    )


def packed_softmax(scores: tf.Tensor, rows: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """Softmax over each row's behaviors.

    Args:
      scores: float `[N]`.
      rows, size: as in `Packed`.

    Returns:
      float32 `[N]`, summing to 1 in every row that has any.
    """
    scores = tf.cast(scores, tf.float32)
    highest = tf.stop_gradient(tf.math.unsorted_segment_max(scores, rows, size))
    exponents = tf.exp(scores - tf.gather(highest, rows))
    return exponents / tf.gather(tf.math.unsorted_segment_sum(exponents, rows, size), rows)


def packed_mean_weights(rows: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """float32 `[N]`: one over the number of behaviors of the row."""
    ones = tf.ones_like(rows, tf.float32)
    return ones / tf.gather(tf.math.unsorted_segment_sum(ones, rows, size), rows)


def packed_sum(values: tf.Tensor, weights: tf.Tensor, rows: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """Weighted sum of `values` `[N, D]` over each row's behaviors: `[B, D]`, zero for an empty history."""
    return tf.math.unsorted_segment_sum(values * tf.cast(weights, values.dtype)[:, tf.newaxis], rows, size)


def packed_moments(values: tf.Tensor, rows: tf.Tensor, size: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Mean and standard deviation of `values` `[N, D]` over each row's behaviors, SFPNet Eq. 2.

    The variance is the mean square of deviations, which equals Eq. 2's difference of squares but does not lose its
    digits. Where it is 0, as for a single behavior, so are the deviation and its gradient.

    Returns:
      (mean, deviation): float `[B, D]` each; zero for an empty history.
    """
    precise = tf.cast(values, tf.float32)
    weights = packed_mean_weights(rows, size)
    mean = packed_sum(precise, weights, rows, size)
    variance = packed_sum(tf.square(precise - tf.gather(mean, rows)), weights, rows, size)
    varies = variance > SMALLEST_VARIANCE
    deviation = tf.where(varies, tf.sqrt(tf.where(varies, variance, 1.0)), 0.0)
    return tf.cast(mean, values.dtype), tf.cast(deviation, values.dtype)
