"""AESM2: automatic expert selection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import pydantic
import tensorflow as tf
import tf_keras as keras

from scenerank.models.baselines.towers import TowerModel, TowerSettings
from scenerank.models.layers.embedding import concatenate
from scenerank.models.layers.expert_selection import ExpertSelectionLayer
from scenerank.models.training import Outputs, TrainingModel


class AESM2Settings(TowerSettings):
    """AESM2's settings; numbers and widths are those of MARIA's comparison where it gives them.

    Attributes:
      layers: multi-scenario layers, one on another.
      experts: of a layer.
      expert_units: layers of each.
      specific_experts, shared_experts: how many a row selects as its scenario's, and as all scenarios'.
      noise: standard deviation of the gates' noise in training.
      selection_weight: of both divergences in the loss; 0: none.
    """

    layers: int = pydantic.Field(default=1, ge=1, le=8)
    experts: int = pydantic.Field(default=4, ge=1)
    expert_units: tuple[pydantic.PositiveInt, ...] = pydantic.Field(default=(256, 256), min_length=1)
    specific_experts: int = pydantic.Field(default=1, ge=1)
    shared_experts: int = pydantic.Field(default=2, ge=1)
    noise: float = pydantic.Field(default=0.1, ge=0)
    selection_weight: float = pydantic.Field(default=0.01, ge=0)

    @pydantic.model_validator(mode="after")
    def _has_enough(self) -> AESM2Settings:
        if max(self.specific_experts, self.shared_experts) > self.experts:
            raise ValueError("specific_experts and shared_experts are selected from experts: each at most as many")
        return self


class Selected(NamedTuple):
    """Logits, float32 `[B]`, and the layers' mean divergences of specific and of shared experts, float32 `[B]`."""

    logits: tf.Tensor
    specific: tf.Tensor
    shared: tf.Tensor


@keras.utils.register_keras_serializable("scenerank")
class AESM2(TowerModel):
    """AESM2 of one task: stacked layers, in each of which a row selects experts of its scenario and of all
    (see `ExpertSelectionLayer`), then the scenario's tower.

    A gate reads the layer's input and the scenario group's fields. There is one task, clicks, and scenarios have no
    levels: the multi-task layers and the tree of scenarios fall away. The unknown scenario counts as one of them.
    """

    registered = "aesm2"
    paper = "Zou et al., Automatic Expert Selection for Multi-Scenario and Multi-Task Search, SIGIR 2022"
    settings_class = AESM2Settings
    settings: AESM2Settings
    without_noise = {"noise": 0.0}

    def __init__(
        self, features: Any, settings: AESM2Settings | Mapping[str, Any] | None = None, **options: Any
    ) -> None:
        super().__init__(features, settings, **options)
        s = self.settings
        self.selection = [
            ExpertSelectionLayer(
                self.features.scenarios,
                self.scenario_table,
                experts=s.experts,
                units=s.expert_units,
                specific=s.specific_experts,
                shared=s.shared_experts,
                noise=s.noise,
                activation=s.activation,
                dropout=s.dropout,
                l2=s.l2,
                name=f"selection_{i}",
            )
            for i in range(s.layers)
        ]

    def selected(self, features: Mapping[str, tf.Tensor], training: bool = False) -> Selected:
        """Computes logits and divergences."""
        embedded = self.embedding(features, training=training)
        scenario = concatenate(embedded, self.features.group("scenario"))
        routes = self.routes(features)
        state = concatenate(embedded, self.embedding.fields)
        specific, shared = [], []
        for layer in self.selection:
            selection = layer(state, tf.concat([state, scenario], -1), routes, training=training)
            state = selection.state
            specific.append(selection.specific)
            shared.append(selection.shared)
        logits = tf.cast(self.tower(state, routes, training=training)[:, 0], tf.float32)
        count = float(len(self.selection))
        return Selected(logits, tf.add_n(specific) / count, tf.add_n(shared) / count)

    def call(self, features: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        return self.selected(features, training).logits

    def training_class(self) -> type[TrainingModel]:
        return AESM2Training if self.settings.selection_weight else TrainingModel


@keras.utils.register_keras_serializable("scenerank")
class AESM2Training(TrainingModel):
    """AESM2 with the losses that make selected experts a scenario's own or shared by all."""

    serving: AESM2
    auxiliary = ("specific", "shared")

    def forward(self, features: Mapping[str, tf.Tensor], training: bool = True) -> Outputs:
        logits, specific, shared = self.serving.selected(features, training)
        weight = self.serving.settings.selection_weight
        return Outputs(logits, {"specific": weight * specific, "shared": weight * shared})
