"""MARIA's feature scaling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from scenerank.models.layers.configured import ConfiguredLayer
from scenerank.models.layers.mlp import MLP


@keras.utils.register_keras_serializable("scenerank")
class FeatureScaling(ConfiguredLayer):
    """Scales each feature element by a factor, `lambda * sigmoid(FCN([stop_gradient(Q), context]))`, MARIA Eqs. 8-10.

    An element is what one feature's vector is, not one number of it.

    Args:
      widths: length of each element, in the order of Q; they sum to D.
      limit: lambda, the largest factor; with 2 an undecided network leaves the elements as they are.
      units: hidden layers of FCN; none by default, which is what the paper's section 4.3 counts.
      activation, l2: of FCN.

    Call arguments:
      elements: Q, all elements side by side, float `[B, D]`.
      context: what FCN reads beside them, `[e_u, e_x, e_s]`, float `[B, C]`; gradients flow through it.

    Returns:
      (scaled, factors): float `[B, D]`; float `[B, elements]`.

    Example:
      >>> scaled, factors = FeatureScaling((4, 2))(tf.ones([3, 6]), tf.ones([3, 5]))
      >>> scaled.shape, factors.shape
      (TensorShape([3, 6]), TensorShape([3, 2]))
    """

    def __init__(
        self,
        widths: Sequence[int],
        limit: float = 2.0,
        *,
        units: Sequence[int] = (),
        activation: str = "relu",
        l2: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.widths, self.limit = tuple(widths), limit
        self.units = tuple(units)
        self.network = MLP(self.units, len(self.widths), activation=activation, l2=l2, name="network")
        self.spread = np.repeat(np.eye(len(self.widths)), self.widths, axis=1)  # [elements, D]

    def call(self, elements: tf.Tensor, context: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        scores = self.network(tf.concat([tf.stop_gradient(elements), context], -1))
        factors = self.limit * tf.sigmoid(scores)
        return elements * (factors @ tf.constant(self.spread, factors.dtype)), factors
