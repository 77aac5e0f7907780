"""Progressive layered extraction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pydantic
import tensorflow as tf
import tf_keras as keras

from scenerank.models.baselines.towers import TowerModel, TowerSettings
from scenerank.models.layers.extraction import ExtractionLayer
from scenerank.models.layers.scenario_routing import ScenarioRoutes
from scenerank.models.settings import ModelSettings


class CGCSettings(TowerSettings):
    """Settings of an extraction layer: four experts for a row, as in MARIA's comparison.

    Attributes:
      specific_experts, shared_experts: of each scenario's own, and of all scenarios.
      expert_units: layers of an expert of all scenarios.
      specific_units: layers of a scenario's own expert before the last, which is as wide as `expert_units`' last.
        Narrow: every scenario's are moved by nearly every step.
      normalize: whether experts are batch-normalised, a scenario's own by its rows.
    """

    specific_experts: int = pydantic.Field(default=1, ge=1)
    shared_experts: int = pydantic.Field(default=3, ge=1)
    expert_units: tuple[pydantic.PositiveInt, ...] = pydantic.Field(default=(128, 64), min_length=1)
    specific_units: tuple[pydantic.PositiveInt, ...] = (16,)
    normalize: bool = False


class PLESettings(CGCSettings):
    """PLE's settings: those of CGC, and

    Attributes:
      layers: extraction layers (two in MARIA's comparison).
    """

    layers: int = pydantic.Field(default=2, ge=1, le=8)


@keras.utils.register_keras_serializable("scenerank")
class PLE(TowerModel):
    """PLE with scenarios for tasks: extraction layers, each mixing a scenario's own and the shared experts into its own
    and a common state (Eqs. 1-3, 5); the last one's own state goes to the tower (Eqs. 4, 6).

    See `ExtractionLayer` for the shared gate, which here mixes a row's own scenario's experts and not those of all.
    The unknown scenario's own experts have no say (see `ScenarioGate`).
    """

    registered = "ple"
    paper = (
        "Tang et al., Progressive Layered Extraction (PLE): A Novel Multi-Task Learning (MTL) Model for Personalized "
        "Recommendations, RecSys 2020"
    )
    settings_class: ClassVar[type[ModelSettings]] = PLESettings
    settings: CGCSettings

    def __init__(self, features: Any, settings: CGCSettings | Mapping[str, Any] | None = None, **options: Any) -> None:
        super().__init__(features, settings, **options)
        s = self.settings
        layers = s.layers if isinstance(s, PLESettings) else 1
        self.extraction = [
            ExtractionLayer(
                self.features.scenarios,
                self.scenario_table,
                specific=s.specific_experts,
                shared=s.shared_experts,
                units=s.expert_units,
                activation=s.activation,
                dropout=s.dropout,
                l2=s.l2,
                normalize=s.normalize,
                last=i == layers - 1,
                specific_units=s.specific_units,
                name=f"extraction_{i}",
            )
            for i in range(layers)
        ]

    def represent(self, vector: tf.Tensor, routes: ScenarioRoutes, training: bool = False) -> tf.Tensor:
        own = common = vector
        for layer in self.extraction:
            own, common = layer(own, common, routes, training=training)
        return own
