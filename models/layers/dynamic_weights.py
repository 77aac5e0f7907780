"""Weights of linear layers that a network computes from a condition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow as tf
import tf_keras as keras

from scenerank.models.layers.configured import ConfiguredLayer
from scenerank.models.layers.weighted_batch_norm import WeightedBatchNormalization

START_SCALE = 0.1
"""Initial deviation of normalised weights from what all conditions share."""


class Linear(NamedTuple):
    """Linear layers of N conditions: kernel float `[N, in, out]`, bias float `[N, out]`."""

    kernel: tf.Tensor
    bias: tf.Tensor


def sizes(widths: Sequence[int]) -> list[int]:
    """Counts numbers in each layer's kernel and bias, one after another, of layers from `widths[0]` to `widths[-1]`."""
    return [size for i, o in zip(widths, widths[1:]) for size in (i * o, o)]


@keras.utils.register_keras_serializable("scenerank")
class LinearLayersStart(keras.initializers.Initializer):
    """Starts flattened weights of linear layers as such layers start: Glorot-uniform kernels, zero biases.

    Example:
      >>> LinearLayersStart((3, 2))((3 * 2 + 2,)).shape
      TensorShape([8])
    """

    def __init__(self, widths: Sequence[int]) -> None:
        self.widths = tuple(widths)

    def __call__(self, shape: Any, dtype: Any = None, **options: Any) -> tf.Tensor:
        parts = []
        for i, o in zip(self.widths, self.widths[1:]):
            kernel = keras.initializers.GlorotUniform()((i, o), dtype=dtype)
            parts += [tf.reshape(kernel, [-1]), tf.zeros((o,), kernel.dtype)]
        return tf.concat(parts, 0)

    def get_config(self) -> dict[str, Any]:
        return {"widths": list(self.widths)}


@keras.utils.register_keras_serializable("scenerank")
class DynamicWeights(ConfiguredLayer):
    """Generates linear layers from a condition: `W_1, b_1, ..., W_L, b_L = reshape(FC(condition))`, HierRec Eq. 2.

    FC is K layers `activation(dropout(BN(W h)))` (Eq. 5), the last as wide as all weights. Without normalisation
    only its hidden layers have an activation and the weights are a linear function of the last.
    The offset of the last layer starts as ordinary layers of these widths would: at first all conditions share
    them but for small deviations. (From 0 nothing would ever be learned: the gradient of each of two layers in a row
    is a product with the other.)

    Args:
      widths: of the generated layers: input, outputs of each.
      units: widths of FC's hidden layers.
      activation: of those.
      weight_activation: of FC's last layer, if normalised. ReLU would leave no negative weight.
      normalize: above.
      dropout: above.
      momentum: of the moving moments.
      l2: penalty on FC's kernels.

    Call arguments:
      condition: float `[N, C]`.
      counts: `[N]`, how many rows of the batch have each condition (for the normalisation); None: one.

    Returns:
      L `Linear` layers.

    Example:
      >>> first, second = DynamicWeights((6, 4, 2))(tf.ones([3, 5]))
      >>> first.kernel.shape, second.bias.shape
      (TensorShape([3, 6, 4]), TensorShape([3, 2]))
    """

    def __init__(
        self,
        widths: Sequence[int],
        units: Sequence[int] = (),
        *,
        activation: str = "relu",
        weight_activation: str = "tanh",
        normalize: bool = True,
        dropout: float = 0.0,
        momentum: float = 0.95,
        l2: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.widths, self.units = tuple(widths), tuple(units)
        self.normalize, self.dropout = normalize, dropout
        start = LinearLayersStart(self.widths)
        layers = [*self.units, sum(sizes(self.widths))]
        last = len(layers) - 1
        self.dense = [
            keras.layers.Dense(
                size,
                use_bias=not normalize,
                kernel_initializer="lecun_uniform",
                bias_initializer=start if i == last else "zeros",
                kernel_regularizer=keras.regularizers.L2(l2) if l2 else None,
                name=f"dense_{i}",
            )
            for i, size in enumerate(layers)
        ]
        self.norms = [
            WeightedBatchNormalization(
                momentum,
                gamma_initializer=keras.initializers.Constant(START_SCALE) if i == last else "ones",
                beta_initializer=start if i == last else "zeros",
                name=f"norm_{i}",
            )
            for i in range(len(layers) if normalize else 0)
        ]
        activations = [activation] * last + [weight_activation if normalize else "linear"]
        self.activate = [keras.layers.Activation(name) for name in activations]

    def call(self, condition: tf.Tensor, counts: tf.Tensor | None = None, training: bool = False) -> tuple[Linear, ...]:
        hidden = condition
        for i, dense in enumerate(self.dense):
            hidden = dense(hidden)
            if self.normalize:
                hidden = self.norms[i](hidden, counts, training=training)
            if training and self.dropout:
                hidden = tf.nn.dropout(hidden, self.dropout)
            hidden = self.activate[i](hidden)
        parts = tf.split(hidden, sizes(self.widths), -1)
        shapes = zip(self.widths, self.widths[1:])
        kernels = [tf.reshape(part, [-1, i, o]) for part, (i, o) in zip(parts[::2], shapes)]
        return tuple(Linear(kernel, bias) for kernel, bias in zip(kernels, parts[1::2]))
