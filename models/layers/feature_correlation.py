"""MARIA's feature correlation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from scenerank.models.layers.configured import ConfiguredLayer
from scenerank.models.layers.pairs import inner_products


@keras.utils.register_keras_serializable("scenerank")
class FeatureCorrelation(ConfiguredLayer):
    """Takes dot products of all pairs of fields, each projected by its own Dense to `d_r` numbers, MARIA Eq. 14.

    Args:
      fields: F, at least 2.
      width: d_r.
      l2: penalty on the kernels.

    Call arguments:
      inputs: F fields, float `[B, any]` each.

    Returns:
      float `[B, F * (F - 1) / 2]`.

    Example:
      >>> FeatureCorrelation(3, 4)([tf.ones([2, 5]), tf.ones([2, 6]), tf.ones([2, 7])]).shape
      TensorShape([2, 3])
    """

    def __init__(self, fields: int, width: int, l2: float = 0.0, **options: Any) -> None:
        super().__init__(**options)
        self.projections = [
            keras.layers.Dense(width, kernel_regularizer=keras.regularizers.L2(l2) if l2 else None, name=f"field_{i}")
            for i in range(fields)
        ]

    def call(self, inputs: Sequence[tf.Tensor]) -> tf.Tensor:
        return inner_products(tf.stack([dense(field) for dense, field in zip(self.projections, inputs)], 1))
