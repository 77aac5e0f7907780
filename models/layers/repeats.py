"""Items that a user meets again."""

from __future__ import annotations

import tensorflow as tf

from scenerank.models.layers.packing import history_mask, pack

UNKNOWN_ITEM = 0
"""Two items of which nothing is known are not taken for the same."""


def _known(ids: tf.Tensor, size: int) -> tf.Tensor:
    return (ids > UNKNOWN_ITEM) & (ids < size)


def is_repeated(history: tf.Tensor, length: tf.Tensor, target: tf.Tensor, size: int) -> tf.Tensor:
    """Tells whether the target is among the row's past items: 1[t in B_u] of MuseNet Eq. 9.

    Args:
      history: item ids, int `[B, L]`; `[L]` if it is all rows'.
      length: int `[B]`, real positions of each row, at the front; or a scalar.
      target: item ids, int `[B]`.
      size: rows of the items' table; ids outside it are unknown.

    Returns:
      bool `[B]`.
    """
    same = tf.equal(history, target[:, tf.newaxis]) & history_mask(length, history)
    return tf.reduce_any(same, 1) & _known(target, size)


def repeat_share(history: tf.Tensor, length: tf.Tensor, size: int) -> tf.Tensor:
    """Computes the share of the row's past events whose item an earlier one had: r of MuseNet Eq. 10.

    Arguments as in `is_repeated`. An event with an unknown item repeats nothing.

    Returns:
      float32 `[B]`; 0 for an empty history.
    """
    packed = pack({"item": tf.cast(history, tf.int64)}, length)
    items, rows = packed.features["item"], packed.rows
    assert rows is not None
    known = _known(items, size)
    pairs, _ = tf.unique(tf.boolean_mask(rows * size + items, known))

    def count(rows: tf.Tensor) -> tf.Tensor:
        return tf.math.unsorted_segment_sum(tf.ones_like(rows, tf.float32), rows, packed.size)

    return tf.math.divide_no_nan(count(tf.boolean_mask(rows, known)) - count(pairs // size), count(rows))
