"""Second-order interactions of fields."""

from __future__ import annotations

import numpy as np
import tensorflow as tf


def field_pairs(fields: int) -> tuple[list[int], list[int]]:
    """Lists first and second field of each of the `P = F (F - 1) / 2` pairs, in the order (0, 1), (0, 2), ..."""
    first, second = np.triu_indices(fields, 1)
    return first.tolist(), second.tolist()


def inner_products(fields: tf.Tensor) -> tf.Tensor:
    """Multiplies every pair, `<v_i, v_j>`: float `[B, F, d]` to `[B, P]`, in the order of `field_pairs`."""
    count = fields.shape[1]
    first, second = field_pairs(count)
    products = tf.matmul(fields, fields, transpose_b=True)
    chosen = [i * count + j for i, j in zip(first, second)]
    return tf.gather(tf.reshape(products, [-1, count * count]), chosen, axis=1)


def factorization(fields: tf.Tensor) -> tf.Tensor:
    """Computes the second-order term of a factorisation machine, `sum_{i<j} <v_i, v_j>` (Rendle, ICDM 2010).

    Computed as `(|sum_i v_i|^2 - sum_i |v_i|^2) / 2`, which takes F and not F^2 steps.

    Args:
      fields: float `[B, F, d]`.

    Returns:
      float32 `[B]`.
    """
    fields = tf.cast(fields, tf.float32)
    squared_sum = tf.square(tf.reduce_sum(fields, 1))
    sum_of_squares = tf.reduce_sum(tf.square(fields), 1)
    return 0.5 * tf.reduce_sum(squared_sum - sum_of_squares, -1)
