"""How much scenarios have to do with each other."""

from __future__ import annotations

import tensorflow as tf


def scenario_coupling(table: tf.Tensor) -> tf.Tensor:
    """Computes alpha_s, the mean dot product of a scenario's vector with those of all others, MARIA Eq. 21.

    The sum over the others is `e_s . (sum_j e_j) - |e_s|^2`: S steps, not S^2. Row 0, the unknown scenario, is none
    of the others, and its own others are all known ones. A single known scenario has no others: 0.

    Args:
      table: `[S, d]`, row 0 the unknown scenario's.

    Returns:
      float32 `[S]`.
    """
    table = tf.cast(table, tf.float32)
    unknown, known = table[:1], table[1:]
    count = table.shape[0] - 1
    total = tf.reduce_sum(known, 0)
    of_unknown = tf.linalg.matvec(unknown, total) / max(count, 1)
    of_known = (tf.linalg.matvec(known, total) - tf.reduce_sum(tf.square(known), 1)) / max(count - 1, 1)
    if count < 2:
        of_known = tf.zeros_like(of_known)
    return tf.concat([of_unknown, of_known], 0)
