"""Multi-gate mixture of experts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pydantic
import tensorflow as tf
import tf_keras as keras

from scenerank.models.baselines.towers import TowerModel, TowerSettings
from scenerank.models.layers.experts import SharedExperts
from scenerank.models.layers.gates import ScenarioGate
from scenerank.models.layers.scenario_routing import ScenarioRoutes


class MMoESettings(TowerSettings):
    """MMoE's settings; four experts as in MARIA's comparison.

    Attributes:
      experts: networks that all scenarios share.
      expert_units: layers of each.
      normalize: whether they are batch-normalised.
    """

    experts: int = pydantic.Field(default=4, ge=1)
    expert_units: tuple[pydantic.PositiveInt, ...] = pydantic.Field(default=(256, 128), min_length=1)
    normalize: bool = False


@keras.utils.register_keras_serializable("scenerank")
class MMoE(TowerModel):
    """MMoE with scenarios for tasks, Eqs. 6-7: `g_s(x) = softmax(W_s x)`, `f_s(x) = sum_i g_s(x)_i f_i(x)`,
    `logit = tower_s(f_s(x))`.

    All gates start uniform (see `ScenarioGate`).
    """

    registered = "mmoe"
    paper = "Ma et al., Modeling Task Relationships in Multi-task Learning with Multi-gate Mixture-of-Experts, KDD 2018"
    settings_class = MMoESettings
    settings: MMoESettings

    def __init__(self, features: Any, settings: MMoESettings | Mapping[str, Any] | None = None, **options: Any) -> None:
        super().__init__(features, settings, **options)
        s = self.settings
        self.experts = SharedExperts(
            s.experts,
            s.expert_units,
            outputs=None,
            activation=s.activation,
            dropout=s.dropout,
            l2=s.l2,
            normalize=s.normalize,
            name="experts",
        )
        self.gate = ScenarioGate(
            self.features.scenarios, self.scenario_table, specific=0, shared=s.experts, name="gate"
        )

    def represent(self, vector: tf.Tensor, routes: ScenarioRoutes, training: bool = False) -> tf.Tensor:
        outputs = self.experts(vector, training=training)
        return tf.einsum("be,bed->bd", tf.cast(self.gate(vector, routes), outputs.dtype), outputs)
