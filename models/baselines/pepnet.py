"""PEPNet (Chang et al., KDD 2023)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pydantic
import tensorflow as tf
import tf_keras as keras

from scenerank.models.base import RankingModel
from scenerank.models.baselines.deep import DeepSettings
from scenerank.models.layers.embedding import concatenate
from scenerank.models.layers.fields import FieldEmbedding
from scenerank.models.layers.gate_unit import GateUnit


class PEPNetSettings(DeepSettings):
    """PEPNet's switches.

    Attributes:
      gate_units: width of a gate's hidden layer.
      gate_scale: the largest gate, gamma.
      embedding_gate: whether there is EPNet.
      parameter_gate: whether there is PPNet.
    """

    gate_units: int = pydantic.Field(default=64, ge=1)
    gate_scale: float = pydantic.Field(default=2.0, gt=0)
    embedding_gate: bool = True
    parameter_gate: bool = True


@keras.utils.register_keras_serializable("scenerank")
class PEPNet(RankingModel):
    """PEPNet: a DNN whose inputs are scaled by scenario (EPNet) and whose hidden units by user and item (PPNet).

    EPNet: `O = E * gate([e_domain, stop(E)])`, E all fields side by side, e_domain the scenario's fields. PPNet: each
    hidden layer is multiplied by `gate([e_user, e_item, stop(O)])`, of the ids of user and item, before the next
    layer. `gate` is Gate NU, `gamma * sigmoid(Dense(ReLU(Dense(x))))`, one for each place. The embeddings learn from
    the DNN's input, and those of scenario, user and item from the gates, too; only E and O are held fixed in the
    gates. There is one task, clicks, and so one tower: it is the same in all scenarios, which the gates tell apart.
    """

    registered = "pepnet"
    paper = (
        "Chang et al., PEPNet: Parameter and Embedding Personalized Network for Infusing with Personalized Prior "
        "Information, KDD 2023"
    )
    settings_class = PEPNetSettings
    settings: PEPNetSettings

    def __init__(
        self, features: Any, settings: PEPNetSettings | Mapping[str, Any] | None = None, **options: Any
    ) -> None:
        super().__init__(features, settings, **options)
        s, f = self.settings, self.features
        self.domain = f.group("scenario")
        self.prior = (f[f.user], f[f.item])
        self.fields = FieldEmbedding(f, s.embedding, name="fields")

        def penalty() -> Any:
            return keras.regularizers.L2(s.l2) if s.l2 else None

        def gate(outputs: int, name: str) -> GateUnit:
            return GateUnit(outputs, s.gate_units, scale=s.gate_scale, normalize=False, l2=s.l2, name=name)

        self.embedding_gate = gate(self.fields.width, "embedding_gate") if s.embedding_gate else None
        self.dense = [
            keras.layers.Dense(n, use_bias=not s.normalize, kernel_regularizer=penalty(), name=f"dense_{i}")
            for i, n in enumerate(s.units)
        ]
        self.norms = [
            keras.layers.BatchNormalization(momentum=0.95, synchronized=True, name=f"norm_{i}")
            for i in range(len(s.units) if s.normalize else 0)
        ]
        self.parameter_gates = [
            gate(n, f"parameter_gate_{i}") for i, n in enumerate(s.units if s.parameter_gate else ())
        ]
        self.activate = keras.layers.Activation(s.activation)
        self.head = keras.layers.Dense(1, kernel_regularizer=penalty(), name="head")

    def call(self, features: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        embedded = self.fields(features, training=training)
        hidden = concatenate(embedded, self.fields.fields)
        if self.embedding_gate is not None:
            hidden *= self.embedding_gate(tf.concat([concatenate(embedded, self.domain), tf.stop_gradient(hidden)], -1))
        prior = tf.concat([concatenate(embedded, self.prior), tf.stop_gradient(hidden)], -1)
        for i, layer in enumerate(self.dense):
            hidden = layer(hidden)
            if self.norms:
                hidden = self.norms[i](hidden, training=training)
            hidden = self.activate(hidden)
            if self.parameter_gates:
                hidden *= self.parameter_gates[i](prior)
            if training and self.settings.dropout:
                hidden = tf.nn.dropout(hidden, self.settings.dropout)
        return tf.cast(self.head(hidden)[:, 0], tf.float32)

    def output_biases(self) -> list[tf.Variable]:
        return [self.head.bias]
