"""The training loss."""

from __future__ import annotations

import tensorflow as tf

from scenerank.models.layers.replicas import all_sum


def weighted_mean(values: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Computes the mean of `values` over the batch's weight.

    Inside a replica of a distribution strategy the weight is that of the whole global batch, so that the sum
    of the replicas' means, and of their gradients, is that of one device with the same rows.

    Args:
      values: float `[B]`.
      weights: float `[B]`, at least 0.

    Returns:
      float32 scalar; 0 for a batch of no weight.
    """
    weights = tf.cast(weights, tf.float32)
    total = all_sum(tf.reduce_sum(weights))
    return tf.math.divide_no_nan(tf.reduce_sum(tf.cast(values, tf.float32) * weights), total)


def weighted_cross_entropy(labels: tf.Tensor, logits: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Computes the bias adapting loss, SAR-Net Eqs. 11-12: weighted binary cross-entropy over the batch's weight.

    See `weighted_mean` for the latter.

    Args:
      labels: float `[B]`, 0 or 1.
      logits: float `[B]`.
      weights: float `[B]`, at least 0; Fairness Coefficients already multiplied in where wanted.

    Returns:
      float32 scalar; 0 for a batch of no weight.
    """
    logits = tf.cast(logits, tf.float32)
    losses = tf.nn.sigmoid_cross_entropy_with_logits(labels=tf.cast(labels, tf.float32), logits=logits)
    return weighted_mean(losses, weights)


def effective_share(weights: tf.Tensor) -> tf.Tensor:
    """Computes Kish's effective number of rows over their number, `(sum w)^2 / (n sum w^2)`, 1 where all weigh alike.

    Args:
      weights: float `[B]`, at least 0.

    Returns:
      float32 scalar; 0 for a batch of no weight.
    """
    weights = tf.cast(weights, tf.float32)
    squares = tf.cast(tf.size(weights), tf.float32) * tf.reduce_sum(tf.square(weights))
    return tf.math.divide_no_nan(tf.square(tf.reduce_sum(weights)), squares)
