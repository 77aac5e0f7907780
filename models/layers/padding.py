"""Packed behaviors back to a padded layout, for what compares the behaviors of a row with each other."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf


class Places(NamedTuple):
    """Places of the N packed behaviors of a batch in a layout `[B, L]`, L being the longest history in the batch.

    Attributes:
      index: int64 `[N]`, place in the flattened layout.
      recency: int64 `[N]`, how many behaviors of the row came after: 0 for the last.
      mask: bool `[B, L]`, which places are taken; L is at least 1.
    """

    index: tf.Tensor
    recency: tf.Tensor
    mask: tf.Tensor

    def pad(self, values: tf.Tensor) -> tf.Tensor:
        """Lays `[N, D]` out as `[B, L, D]`, zero at places that are not taken."""
        shape = tf.shape(self.mask, tf.int64)
        width = values.shape[-1]
        flat = tf.scatter_nd(self.index[:, tf.newaxis], values, [shape[0] * shape[1], width])
        return tf.reshape(flat, [shape[0], shape[1], width])

    def unpad(self, padded: tf.Tensor) -> tf.Tensor:
        """Takes `[B, L, D]` back to `[N, D]`."""
        return tf.gather(tf.reshape(padded, [-1, padded.shape[-1]]), self.index)


def places(behaviors: tf.Tensor, rows: tf.Tensor | None, size: tf.Tensor) -> Places:
    """Lays behaviors out.

    Args:
      behaviors: `[N, ...]`.
      rows, size: as in `packing.Packed`.
    """
    if rows is None:
        rows = tf.zeros([tf.shape(behaviors)[0]], tf.int64)
    counts = tf.math.unsorted_segment_sum(tf.ones_like(rows), rows, size)
    length = tf.maximum(tf.reduce_max(counts), 1)
    rank = tf.range(tf.shape(rows, tf.int64)[0]) - tf.gather(tf.cumsum(counts, exclusive=True), rows)
    return Places(rows * length + rank, tf.gather(counts, rows) - 1 - rank, tf.sequence_mask(counts, length))
