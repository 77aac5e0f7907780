"""FiBiNET (Huang et al., RecSys 2019)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import pydantic
import tensorflow as tf
import tf_keras as keras

from scenerank.models.base import RankingModel
from scenerank.models.baselines.deep import DeepSettings, deep_network
from scenerank.models.layers.configured import ConfiguredLayer
from scenerank.models.layers.fields import FieldEmbedding, stack
from scenerank.models.layers.linear import LinearTerm

BilinearType = Literal["all", "each", "interaction"]


class FiBiNETSettings(DeepSettings):
    """FiBiNET's switches.

    Attributes:
      bilinear: whose the matrix W is: one for `all` fields, one for `each` field, one for each `interaction`.
      senet: whether the fields reweighed by SENET interact beside the original ones.
      reduction: r, by which SENET's hidden layer is narrower than the number of fields.
      interacting: which fields are reweighed and interact: those of `categorical` features, numbers then go to the DNN
        as they are; or `all`, as in the paper. F fields have F (F - 1) / 2 interactions, and most would be of two
        numbers where there are many click rates.
    """

    bilinear: BilinearType = "interaction"
    senet: bool = True
    reduction: int = pydantic.Field(default=3, ge=1)
    interacting: Literal["categorical", "all"] = "categorical"


@keras.utils.register_keras_serializable("scenerank")
class SENet(ConfiguredLayer):
    """Reweighs fields: `V = A * E` with `A = relu(W_2 relu(W_1 z))`, `z_i` the mean of field i (Eqs. 4-6).

    Args:
      reduction: r; the hidden layer has `max(1, F // r)` units.

    Input and output: float `[B, F, d]`.
    """

    def __init__(self, reduction: int, **options: Any) -> None:
        super().__init__(**options)
        self.reduction = reduction

    def build(self, input_shape: Any) -> None:
        count = int(input_shape[1])
        hidden = max(1, count // self.reduction)
        self.squeeze = keras.layers.Dense(hidden, "relu", use_bias=False, name="squeeze")
        self.excite = keras.layers.Dense(count, "relu", use_bias=False, name="excite")
        super().build(input_shape)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        weights = self.excite(self.squeeze(tf.reduce_mean(inputs, -1)))
        return inputs * weights[:, :, tf.newaxis]


@keras.utils.register_keras_serializable("scenerank")
class BilinearInteraction(ConfiguredLayer):
    """Multiplies every pair of fields, `p_ij = (v_i W) * v_j` (Eqs. 7-9), in the order (0, 1), (0, 2), ...

    Args:
      bilinear: see `FiBiNETSettings`.

    Input: float `[B, F, d]`. Output: float `[B, P d]`.
    """

    def __init__(self, bilinear: BilinearType, **options: Any) -> None:
        super().__init__(**options)
        self.bilinear = bilinear

    def build(self, input_shape: Any) -> None:
        count, width = int(input_shape[1]), int(input_shape[2])
        pairs = count * (count - 1) // 2
        matrices = {"all": (), "each": (count - 1,), "interaction": (pairs,)}[self.bilinear]
        limit = (3.0 / width) ** 0.5
        self.kernel = self.add_weight(
            name="kernel",
            shape=(*matrices, width, width),
            initializer=keras.initializers.RandomUniform(-limit, limit),
        )
        super().build(input_shape)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        kernel = tf.convert_to_tensor(self.kernel)
        count, width = inputs.shape[1:]
        flat, products, pair = tf.reshape(inputs, [-1, count * width]), [], 0
        for i in range(count - 1):  # all pairs of one first field are one product, and no field is copied
            others = count - 1 - i
            if self.bilinear == "interaction":
                matrix = tf.reshape(tf.transpose(kernel[pair : pair + others], [1, 0, 2]), [width, others * width])
                mapped = inputs[:, i] @ matrix
            else:
                mapped = tf.tile(inputs[:, i] @ (kernel if self.bilinear == "all" else kernel[i]), [1, others])
            products.append(mapped * flat[:, (i + 1) * width :])
            pair += others
        return tf.concat(products, -1)


@keras.utils.register_keras_serializable("scenerank")
class FiBiNET(RankingModel):
    """FiBiNET: bilinear interactions of the fields, and of those reweighed by SENET, to a DNN; a linear term (Eq. 11).

    The two sets of interactions have matrices of their own.
    """

    registered = "fibinet"
    paper = "Huang et al., FiBiNET: Combining Feature Importance and Bilinear Feature Interaction, RecSys 2019"
    settings_class = FiBiNETSettings
    settings: FiBiNETSettings

    def __init__(
        self, features: Any, settings: FiBiNETSettings | Mapping[str, Any] | None = None, **options: Any
    ) -> None:
        super().__init__(features, settings, **options)
        s = self.settings
        self.fields = FieldEmbedding(self.features, s.embedding.uniform(), name="fields")
        interact = s.interacting == "all"
        self.interacting = tuple(f for f in self.fields.fields if interact or f.categorical)
        self.beside = tuple(f for f in self.fields.fields if f not in self.interacting)
        self.linear = LinearTerm(self.features, s.embedding, name="linear")
        self.interaction = BilinearInteraction(s.bilinear, name="interaction")
        self.senet = SENet(s.reduction, name="senet") if s.senet else None
        self.reweighed = BilinearInteraction(s.bilinear, name="reweighed") if s.senet else None
        self.deep = deep_network(s)

    def call(self, features: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        embedded = self.fields(features, training=training)
        stacked = stack(embedded, self.interacting)
        parts = [self.interaction(stacked), *(embedded[f.name] for f in self.beside)]
        if self.senet is not None and self.reweighed is not None:
            parts.append(self.reweighed(self.senet(stacked)))
        deep = self.deep(tf.concat(parts, -1), training=training)[:, 0]
        return self.linear(features, training=training) + tf.cast(deep, tf.float32)

    def output_biases(self) -> list[tf.Variable]:
        return [self.deep.output_bias]
