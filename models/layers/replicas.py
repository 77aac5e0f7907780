"""What replicas of a distribution strategy have together."""

from __future__ import annotations

import tensorflow as tf


def all_sum(values: tf.Tensor) -> tf.Tensor:
    """Sums what each of the replicas has, the same in all; gradients flow through it."""
    context = tf.distribute.get_replica_context()
    if context is not None and context.num_replicas_in_sync > 1:
        return context.all_reduce(tf.distribute.ReduceOp.SUM, values)
    return values
