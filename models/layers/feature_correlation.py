"""MARIA's feature correlation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import models  # noqa: F401  isort: skip
import tensorflow as tf
import tf_keras as keras

from models.layers.pairs import inner_products


@keras.utils.register_keras_serializable("scenerank")
class FeatureCorrelation(keras.layers.Layer):
    """Dot products of all pairs of fields, each projected by a Dense of its own to `d_r` numbers, MARIA Eq. 14.

    Args:
      fields: F, at least 2.
      width: d_r.
      l2: penalty on the kernels.

    Call arguments:
      inputs: F fields, float `[B, any]` each.

    Returns:
      float `[B, F * (F - 1) / 2]`.
    """

    def __init__(self, fields: int, width: int, l2: float = 0.0, **options: Any) -> None:
        super().__init__(**options)
        self.fields, self.width, self.l2 = fields, width, l2
        self.projections = [
            keras.layers.Dense(width, kernel_regularizer=keras.regularizers.L2(l2) if l2 else None, name=f"field_{i}")
            for i in range(fields)
        ]

    def call(self, inputs: Sequence[tf.Tensor]) -> tf.Tensor:
        return inner_products(tf.stack([dense(field) for dense, field in zip(self.projections, inputs)], 1))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "fields": self.fields, "width": self.width, "l2": self.l2}
