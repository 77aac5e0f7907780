"""How an item was shown, as a vector: what only training knows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from scenerank.models.layers.configured import ConfiguredLayer
from scenerank.schemas.bias import BiasFeature
from scenerank.schemas.columns import FAIRNESS

LOWEST, HIGHEST = 1e-2, 1e2
"""Fairness Coefficients are cut to this range before their logarithm."""


@keras.utils.register_keras_serializable("scenerank")
class FairnessEmbedding(ConfiguredLayer):
    """Embeds a Fairness Coefficient: its logarithm times a vector, and its bucket's row (v_b of SAR-Net section 4.5).

    Buckets are equally wide in the logarithm; the middle ones meet at FC = 1.

    Args:
      dim: length of each of the two parts.
      buckets: rows of the bucket table.

    Call arguments:
      coefficient: float `[B]`, above 0.

    Returns:
      float `[B, 2 * dim]`.

    Example:
      >>> FairnessEmbedding(8)(tf.constant([0.5, 1.0, 2.0])).shape
      TensorShape([3, 16])
    """

    def __init__(self, dim: int = 8, buckets: int = 32, **options: Any) -> None:
        super().__init__(autocast=False, **options)
        self.dim, self.buckets = dim, buckets

    def build(self, input_shape: Any) -> None:
        self.direction = self.add_weight(name="direction", shape=(self.dim,), initializer="random_normal")
        self.offset = self.add_weight(name="offset", shape=(self.dim,), initializer="zeros")
        self.rows = self.add_weight(name="rows", shape=(self.buckets, self.dim), initializer="random_normal")
        super().build(input_shape)

    def call(self, coefficient: tf.Tensor) -> tf.Tensor:
        logarithm = tf.math.log(tf.clip_by_value(tf.cast(coefficient, tf.float32), LOWEST, HIGHEST))
        place = (logarithm - math.log(LOWEST)) / (math.log(HIGHEST) - math.log(LOWEST))
        bucket = tf.clip_by_value(tf.cast(place * self.buckets, tf.int32), 0, self.buckets - 1)
        value = tf.cast(logarithm, self.compute_dtype)[:, tf.newaxis] * self.direction + self.offset
        return tf.concat([value, tf.gather(self.rows, bucket)], -1)


@keras.utils.register_keras_serializable("scenerank")
class BiasEmbedding(ConfiguredLayer):
    """Embeds how an item was shown, v_b of SAR-Net section 4.5: Fairness Coefficient and bias columns, side by side.

    Args:
      columns: the bias columns, `BiasFeature` or their fields.
      coefficient: whether the Fairness Coefficient is among the inputs.
      dim, buckets: see `FairnessEmbedding`; a column's vector has width `dim`.

    Call arguments:
      features: `fairness_coefficient` float `[B]` and the bias columns int64 `[B]`, others are ignored.

    Returns:
      float `[2 B, width]`: the rows' vectors, then as often that of the reference (FC = 1 and each column's own). What
      follows is normalised over both, whatever lies on which replica.

    Raises:
      ValueError: there is no input at all.

    Example:
      >>> embedding = BiasEmbedding([BiasFeature("place", size=6, reference=1)], dim=8)
      >>> embedding({"fairness_coefficient": tf.ones([3]), "place": tf.constant([1, 2, 5])}).shape
      TensorShape([6, 24])
    """

    def __init__(
        self,
        columns: Sequence[BiasFeature | Mapping[str, Any]] = (),
        coefficient: bool = True,
        *,
        dim: int = 8,
        buckets: int = 32,
        **options: Any,
    ) -> None:
        super().__init__(autocast=False, **options)
        self.columns = tuple(c if isinstance(c, BiasFeature) else BiasFeature(**c) for c in columns)
        self.coefficient, self.dim = coefficient, dim
        if not coefficient and not self.columns:
            raise ValueError(
                "debias.nets have no input: declare columns of group 'bias', or leave debias.coefficient on"
            )
        self.fairness = FairnessEmbedding(dim, buckets, name="fairness") if coefficient else None

    def build(self, input_shape: Any = None) -> None:
        self.tables = {
            c.name: self.add_weight(name=f"table_{c.name}", shape=(c.size, self.dim), initializer="random_normal")
            for c in self.columns
        }
        super().build(input_shape)

    def call(self, features: Mapping[str, tf.Tensor]) -> tf.Tensor:
        parts = []
        if self.fairness is not None:
            coefficient = features[FAIRNESS]
            parts.append(self.fairness(tf.concat([coefficient, tf.ones_like(coefficient)], 0)))
        for column in self.columns:
            rows = tf.cast(features[column.name], tf.int64)
            rows = tf.where((rows >= 0) & (rows < column.size), rows, 0)
            parts.append(tf.gather(self.tables[column.name], tf.concat([rows, column.reference + 0 * rows], 0)))
        return tf.concat(parts, 1)
