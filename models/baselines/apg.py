"""APG (Yan et al., NeurIPS 2022)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pydantic
import tensorflow as tf
import tf_keras as keras

from scenerank.models.base import RankingModel
from scenerank.models.baselines.deep import DeepSettings
from scenerank.models.layers.configured import ConfiguredLayer
from scenerank.models.layers.dynamic_weights import DynamicWeights
from scenerank.models.layers.embedding import concatenate
from scenerank.models.layers.fields import FieldEmbedding


class APGSettings(DeepSettings):
    """APG's switches.

    Attributes:
      rank: K, of the generated matrices.
      over_parameterization: P, the inner width of the products that U and V are trained as; None: plain matrices.
      generator_units: hidden layers of the network that generates the matrices.
    """

    rank: int = pydantic.Field(default=16, ge=1)
    over_parameterization: int | None = pydantic.Field(default=64, ge=1)
    generator_units: tuple[pydantic.PositiveInt, ...] = (32,)

    @pydantic.model_validator(mode="after")
    def _above_rank(self) -> APGSettings:
        if self.over_parameterization is not None and self.over_parameterization < self.rank:
            raise ValueError("over_parameterization is below rank, which leaves fewer parameters: raise it, or None")
        if self.normalize:
            raise ValueError("normalize: the layers of this model are not normalised")
        return self


@keras.utils.register_keras_serializable("scenerank")
class SharedFactor(ConfiguredLayer):
    """Multiplies by a matrix F, `x F`, that is trained as the product of two wider ones, `F = F_l F_r`.

    Args:
      units: length of the output.
      inner: P, columns of F_l; None: F is one matrix.
      l2: penalty on the matrices.

    Input: float `[..., D]`. Output: float `[..., units]`.
    """

    def __init__(self, units: int, inner: int | None = None, l2: float = 0.0, **options: Any) -> None:
        super().__init__(**options)
        self.units, self.inner, self.l2 = units, inner, l2

    def build(self, input_shape: Any) -> None:
        widths = [int(input_shape[-1]), *([self.inner] if self.inner else []), self.units]
        self.factors = [
            self.add_weight(
                name=f"factor_{i}",
                shape=shape,
                initializer="glorot_uniform",
                regularizer=keras.regularizers.L2(self.l2) if self.l2 else None,
            )
            for i, shape in enumerate(zip(widths, widths[1:]))
        ]
        super().build(input_shape)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        matrix = tf.convert_to_tensor(self.factors[0])
        for factor in self.factors[1:]:
            matrix = matrix @ tf.convert_to_tensor(factor)
        return tf.tensordot(inputs, matrix, 1)


@keras.utils.register_keras_serializable("scenerank")
class APG(RankingModel):
    """APG: a DNN of hidden layers `act(((x V) S_s + c_s) U + b)`, U and V shared, S_s generated from the scenario.

    The condition is the embedding e_s of the row's scenario (the paper's group-wise strategy). One network generates
    all layers' `S_s [K, K]` and `c_s [K]`, once for every scenario in the batch; W = V S_s U is never built (decoupled
    feed-forward). With over-parameterisation U and V are products of two wider matrices (see `SharedFactor`). The
    generated matrices start as ordinary layers that all scenarios share (see `DynamicWeights`). The output layer is
    an ordinary one. The biases are a choice of this implementation.
    """

    registered = "apg"
    paper = "Yan et al., APG: Adaptive Parameter Generation Network for Click-Through Rate Prediction, NeurIPS 2022"
    settings_class = APGSettings
    settings: APGSettings

    def __init__(self, features: Any, settings: APGSettings | Mapping[str, Any] | None = None, **options: Any) -> None:
        super().__init__(features, settings, **options)
        s = self.settings
        self.fields = FieldEmbedding(self.features, s.embedding, name="fields")
        self.generator = DynamicWeights(
            (s.rank,) * (len(s.units) + 1), s.generator_units, normalize=False, l2=s.l2, name="generator"
        )
        inner = s.over_parameterization
        self.down = [SharedFactor(s.rank, inner, s.l2, name=f"down_{i}") for i in range(len(s.units))]
        self.up = [SharedFactor(n, inner, s.l2, name=f"up_{i}") for i, n in enumerate(s.units)]
        self.biases = [
            self.add_weight(name=f"bias_{i}", shape=(n,), initializer="zeros") for i, n in enumerate(s.units)
        ]
        self.activate = keras.layers.Activation(s.activation)
        penalty = keras.regularizers.L2(s.l2) if s.l2 else None
        self.head = keras.layers.Dense(1, kernel_regularizer=penalty, name="head")

    def call(self, features: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        vector = concatenate(self.fields(features, training=training), self.fields.fields)
        routes = self.routes(features)
        present, index = tf.unique(routes.block_scenario)
        name = self.features.scenario
        condition = self.fields.embedding({name: present}, training=training)[name]
        blocks = routes.group(vector)
        for i, weights in enumerate(self.generator(condition, training=training)):
            small = self.down[i](blocks) @ tf.gather(weights.kernel, index)
            small += tf.gather(weights.bias, index)[:, tf.newaxis]
            hidden = self.up[i](small)
            blocks = self.activate(hidden + tf.cast(self.biases[i], hidden.dtype))
            if training and self.settings.dropout:
                blocks = tf.nn.dropout(blocks, self.settings.dropout)
        return tf.cast(self.head(routes.ungroup(blocks))[:, 0], tf.float32)

    def output_biases(self) -> list[tf.Variable]:
        return [self.head.bias]
