"""Behaviors as one vector, weighed by what they have to do with the target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from scenerank.models.layers.attention import ActivationUnit
from scenerank.models.layers.configured import ConfiguredLayer
from scenerank.models.layers.packing import packed_softmax, packed_sum


@keras.utils.register_keras_serializable("scenerank")
class TargetAttention(ConfiguredLayer):
    """Attends to behaviors by the target, `sum_i a(e_i, v_A) e_i`: DIN (Zhou et al., KDD 2018, Eq. 3).

    The weight a is an activation unit's score (see `ActivationUnit`), through a softmax over the row's behaviors
    or, as in DIN's section 4.3, as it is, so that the sum also says how strong the interest is.

    Args:
      width: D, length of the compared vectors.
      context_width: C, length of what only behaviors have and only the score reads; 0 for none.
      units, activation, l2: of the activation unit.
      softmax: above.

    Call arguments:
      keys: behaviors, float `[N, D]` (see `packing.Packed`).
      query: the target, float `[B, D]`.
      rows, size: as in `packing.Packed`.
      values: what is summed, float `[N, V]`; None: the keys.
      context: float `[N, C]`, or None if C is 0.

    Returns:
      (sums, weights): float `[B, V]`, zero for an empty history; float32 `[N]`, or `[B, N]` where the rows share their
      behaviors.

    Example:
      >>> rows, size = tf.constant([0, 0, 1], tf.int64), tf.constant(2, tf.int64)  # of three behaviors, two of row 0
      >>> sums, weights = TargetAttention(4)(tf.ones([3, 4]), tf.ones([2, 4]), rows, size)
      >>> sums.shape, weights.shape
      (TensorShape([2, 4]), TensorShape([3]))
    """

    def __init__(
        self,
        width: int,
        context_width: int = 0,
        *,
        units: Sequence[int] = (64, 32),
        activation: str = "relu",
        l2: float = 0.0,
        softmax: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.softmax = softmax
        self.unit = ActivationUnit(width, context_width, units=units, activation=activation, l2=l2, name="unit")

    def call(
        self,
        keys: tf.Tensor,
        query: tf.Tensor,
        rows: tf.Tensor | None,
        size: tf.Tensor,
        values: tf.Tensor | None = None,
        context: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        scores = tf.cast(self.unit(keys, query, rows, context), tf.float32)
        weights = packed_softmax(scores, rows, size) if self.softmax else scores
        return packed_sum(keys if values is None else values, weights, rows, size), weights
