"""Numbers between 0 and a scale that other numbers are multiplied by."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras

from scenerank.models.layers.configured import ConfiguredLayer


@keras.utils.register_keras_serializable("scenerank")
class GateUnit(ConfiguredLayer):
    """Computes gates, `scale * sigmoid(W1 LN(ReLU(W0 x + b0)) + b1)`: SFPNet Eqs. 3 and 10; PEPNet's without LN.

    Args:
      outputs: how many numbers are gated.
      units: width of the hidden layer.
      scale: the largest gate.
      normalize: whether there is the layer normalisation LN.
      l2: penalty on the kernels.

    Input: float `[..., D]`.
    Output: float `[..., outputs]`.

    Example:
      >>> GateUnit(4, 8)(tf.ones([3, 6])).shape
      TensorShape([3, 4])
    """

    def __init__(
        self,
        outputs: int,
        units: int,
        *,
        scale: float = 1.0,
        normalize: bool = True,
        l2: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.scale = scale

        def penalty() -> Any:
            return keras.regularizers.L2(l2) if l2 else None

        self.hidden = keras.layers.Dense(units, "relu", kernel_regularizer=penalty(), name="hidden")
        self.norm = keras.layers.LayerNormalization(epsilon=1e-5, name="norm") if normalize else None
        self.last = keras.layers.Dense(outputs, kernel_regularizer=penalty(), name="output")

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        hidden = self.hidden(inputs)
        if self.norm is not None:
            hidden = self.norm(hidden)
        return self.scale * tf.sigmoid(self.last(hidden))
