"""SFPNet (Zhang et al., SIGIR 2024)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pydantic
import tensorflow as tf
import tf_keras as keras

from scenerank.models.base import RankingModel
from scenerank.models.layers.embedding import concatenate
from scenerank.models.layers.fields import FieldEmbedding, stack
from scenerank.models.layers.gated_mlp import GatedMLP
from scenerank.models.layers.mlp import MLP
from scenerank.models.layers.packing import own_behaviors
from scenerank.models.layers.scenario_tailoring import ScenarioTailoring
from scenerank.models.layers.target_attention import TargetAttention
from scenerank.models.settings import EmbeddingSettings, ModelSettings, OptimizerSettings


class SFPNetSettings(ModelSettings):
    """SFPNet's switches (Table 5); the paper's values by default.

    Attributes:
      blocks: L, Scenario-Tailoring Blocks; 2 is the paper's for small data, 0 is w/o STB.
      deviation, gate, residual: see `ScenarioTailoring`; off: w/o DAP, w/o SAM, w/o RTM.
      gated_prediction: whether the prediction is by S-DNN; off: an ordinary DNN (w/o S-DNN), which has the scenario's
        vector among its inputs instead.
      units: hidden layers of either.
      gate_units, context_units: widths of the hidden layers of all gates and of Eq. 5, which the paper leaves open.
      attention_units: hidden layers of the target attention's unit.
      activation: of the hidden layers of `units` and of the attention's unit.
      dropout: share set to 0 of each hidden layer of `units`.
    """

    embedding: EmbeddingSettings = EmbeddingSettings(dim=40)
    optimizer: OptimizerSettings = OptimizerSettings(decay="exponential", decay_rate=0.9)
    blocks: int = pydantic.Field(default=3, ge=0)
    deviation: bool = True
    gate: bool = True
    residual: bool = True
    gated_prediction: bool = True
    units: tuple[pydantic.PositiveInt, ...] = pydantic.Field(default=(256, 128, 64), min_length=1)
    gate_units: int = pydantic.Field(default=128, ge=1)
    context_units: int = pydantic.Field(default=128, ge=1)
    attention_units: tuple[pydantic.PositiveInt, ...] = pydantic.Field(default=(64, 32), min_length=1)
    activation: str = "relu"
    dropout: float = pydantic.Field(default=0.0, ge=0, lt=1)

    @pydantic.model_validator(mode="after")
    def _blocks_do_something(self) -> SFPNetSettings:
        if self.blocks and not (self.gate or self.residual):
            raise ValueError("gate and residual are both off, and nothing is left of a block: set blocks to 0")
        return self


@keras.utils.register_keras_serializable("scenerank")
class SFPNet(RankingModel):
    """SFPNet: fields and behaviors of one width d, tailored to the scenario by blocks; then target attention and S-DNN.

    A behavior is one vector: the concatenation of its columns, through one Dense to d. Fields are the features of
    user, item, context and trigger; those of the scenario group are side by side the scenario's vector s. The query
    of the target attention (Eq. 8, which does not say) is the item's fields as the last block gives them, side by
    side, through one Dense to d. Without a history neither Dense, pooling nor attention is there.
    """

    registered = "sfpnet"
    paper = "Zhang et al., Scenario-Adaptive Fine-Grained Personalization Network, SIGIR 2024"
    settings_class = SFPNetSettings
    settings: SFPNetSettings

    def __init__(
        self, features: Any, settings: SFPNetSettings | Mapping[str, Any] | None = None, **options: Any
    ) -> None:
        super().__init__(features, settings, **options)
        s, f = self.settings, self.features
        width = s.embedding.dim
        self.embedding = FieldEmbedding(f, s.embedding.uniform(), pooled=False, name="embedding")
        self.fields = f.group("user", "item", "context", "trigger")
        self.scenario_fields = f.group("scenario")
        self.items = [i for i, field in enumerate(self.fields) if field.group == "item"]
        history = bool(self.embedding.sequences)
        self.behavior = self.query = self.attention = None
        if history:
            self.behavior = keras.layers.Dense(width, name="behavior")
            self.query = keras.layers.Dense(width, name="query")
            self.attention = TargetAttention(
                width, 0, units=s.attention_units, activation=s.activation, l2=s.l2, name="attention"
            )
        self.blocks = [
            ScenarioTailoring(
                width,
                s.gate_units,
                context_units=s.context_units,
                history=history,
                deviation=s.deviation,
                gate=s.gate,
                residual=s.residual,
                l2=s.l2,
                name=f"block_{i}",
            )
            for i in range(s.blocks)
        ]
        common: dict[str, Any] = {"activation": s.activation, "dropout": s.dropout, "l2": s.l2, "name": "prediction"}
        self.prediction = GatedMLP(s.units, s.gate_units, **common) if s.gated_prediction else MLP(s.units, **common)

    def call(self, features: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        embedded = self.embedding(features, training=training)
        scenario = concatenate(embedded, self.scenario_fields)
        rows = size = behaviors = None
        if self.behavior is not None:
            packed, vectors = self.embedding.behaviors(features, training)
            rows, size = packed.rows, packed.size
            behaviors = self.behavior(concatenate(vectors, self.embedding.sequences))
        fields = stack(embedded, self.fields)
        for block in self.blocks:
            fields, behaviors = block(fields, scenario, behaviors, rows, size)
            if behaviors is not None and behaviors.shape.rank == 3:
                behaviors, rows, size = own_behaviors(behaviors)

        hidden = tf.reshape(fields, [-1, len(self.fields) * self.settings.embedding.dim])
        if self.attention is not None and self.query is not None:
            items = tf.concat([fields[:, i] for i in self.items], -1)
            interest, _ = self.attention(behaviors, self.query(items), rows, size)
            hidden = tf.concat([hidden, interest], -1)
        if self.settings.gated_prediction:
            logits = self.prediction(hidden, scenario, training=training)
        else:
            logits = self.prediction(tf.concat([hidden, scenario], -1), training=training)
        return tf.cast(logits[:, 0], tf.float32)

    def output_biases(self) -> list[tf.Variable]:
        return [self.prediction.output_bias]
