"""Schedules over the steps of training, counted by the layer that follows them."""

from __future__ import annotations

import tensorflow as tf
import tf_keras as keras


def add_step(layer: keras.layers.Layer) -> tf.Variable:
    """Gives a layer that is being built its count of training steps, float32 `[]`, which it adds to in every one.

    Under a strategy all replicas count the same steps, so that one of them tells.
    """
    return layer.add_weight(
        name="step",
        shape=(),
        dtype=tf.float32,
        initializer="zeros",
        trainable=False,
        experimental_autocast=False,
        synchronization=tf.VariableSynchronization.ON_READ,
        aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
    )


def progress(step: tf.Variable, steps: int) -> tf.Tensor:
    """Share of a schedule of `steps` that is over, float32 `[]`, 1 from its end on."""
    return tf.minimum(tf.convert_to_tensor(step) / float(steps), 1.0)
