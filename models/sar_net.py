"""SAR-Net (Shen et al., CIKM 2021)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import pydantic
import tensorflow as tf
import tf_keras as keras

from scenerank.models.base import RankingModel, shares_history
from scenerank.models.layers.behavior_extract import Attention, CrossScenarioBehaviorExtract
from scenerank.models.layers.bias_nets import BiasNets, BiasTower
from scenerank.models.layers.embedding import FeatureEmbedding, concatenate
from scenerank.models.layers.experts import SharedExperts
from scenerank.models.layers.extraction import ExtractionLayer
from scenerank.models.layers.gates import ScenarioGate
from scenerank.models.layers.packing import for_all_rows, pack
from scenerank.models.layers.scenario_experts import ScenarioExperts
from scenerank.models.layers.scenario_routing import ScenarioRoutes
from scenerank.models.layers.scenario_transform import ScenarioTransform
from scenerank.models.settings import ModelSettings
from scenerank.models.training import Outputs, TrainingModel
from scenerank.schemas.declaration import HISTORY_LENGTH
from scenerank.schemas.features import Feature


class SARNetSettings(ModelSettings):
    """SAR-Net's switches; the paper's values by default.

    Attributes:
      attention: what weighs the behaviors (Table 4): the `target` item, the current `scenario`, both `concatenated` in
        one query, that one times the scenario (`hierarchical`), or the item times the scenario (`full`); `none`:
        nothing, it is their mean. See `CrossScenarioBehaviorExtract`.
      renormalize: whether products of two weights are divided by their sum.
      attention_units: hidden layers of psi.
      behavior_context: whether a behavior's type and age enter its attention scores.
      behavior_value: what is summed: the item part (Eq. 7), or `all`: the type and age beside it, so that v_cb
        also says how the user took the behaviors attended to.
      scenario_transform: Eq. 8 (Table 6).
      extraction_layers: layers of experts in all; above 1 they are preceded by extraction layers (Table 6).
      extraction_units: layers of an extraction expert.
      specific_experts: m_k, experts of each scenario's own.
      shared_experts: m_s, experts that all scenarios share.
      expert_units: hidden layers of an expert's main net.
      activation: of all hidden layers.
      dropout: share of v' set to 0.
      expert_dropout: share of each hidden layer set to 0.
    """

    attention: Attention = "full"
    renormalize: bool = False
    attention_units: tuple[int, ...] = (64, 32)
    behavior_context: bool = True
    behavior_value: Literal["item", "all"] = "item"
    scenario_transform: bool = True
    extraction_layers: int = pydantic.Field(default=1, ge=1, le=5)
    extraction_units: tuple[int, ...] = (64,)
    specific_experts: int = pydantic.Field(default=2, ge=0)
    shared_experts: int = pydantic.Field(default=8, ge=0)
    expert_units: tuple[int, ...] = (32,)
    activation: str = "relu"
    dropout: float = pydantic.Field(default=0.0, ge=0, lt=1)
    expert_dropout: float = pydantic.Field(default=0.0, ge=0, lt=1)

    @pydantic.model_validator(mode="after")
    def _has_experts(self) -> SARNetSettings:
        if not self.expert_units:
            raise ValueError("expert_units is empty: give the width of at least one hidden layer")
        if not self.specific_experts + self.shared_experts:
            raise ValueError("specific_experts and shared_experts are both 0: there must be an expert")
        if self.extraction_layers > 1 and not (self.specific_experts and self.shared_experts):
            raise ValueError("extraction_layers above 1 need both specific_experts and shared_experts")
        return self


class Opinions(NamedTuple):
    """Opinions of the experts on a batch: scores and gate float32 `[B, m_k + m_s]`, and the batch's routes."""

    scores: tf.Tensor
    gate: tf.Tensor
    routes: ScenarioRoutes


@keras.utils.register_keras_serializable("scenerank")
class SARNet(RankingModel):
    """SAR-Net: cross-scenario behaviors, a transform by scenario, a mixture of experts of the scenario and of all.

    `v = [v_cb, v_u, v_ti, v_s]` and the context and trigger groups (section 4.4); the logit is the gate's mean of
    the experts' scores (Eqs. 9-10). The aggregated value of a behavior is its item part (Eq. 7); its type and age,
    which a target has not, enter the attention scores as context (`behavior_context`), and the value if told so
    (`behavior_value`). Without a history (or with no item column
    that behaviors repeat) `v` has no v_cb. There are no bias nets and no Fairness Coefficients here, see
    `SARNetTraining`.
    """

    registered = "sar_net"
    paper = "Shen et al., SAR-Net: A Scenario-Aware Ranking Network, CIKM 2021"
    settings_class = SARNetSettings
    settings: SARNetSettings

    def __init__(
        self, features: Any, settings: SARNetSettings | Mapping[str, Any] | None = None, **options: Any
    ) -> None:
        super().__init__(features, settings, **options)
        s, f = self.settings, self.features
        table, scenarios = f[f.scenario].table, f.scenarios
        self.scenario_table = table
        self.profile = f.group("user", "item", "scenario", "context", "trigger")
        self.behavior_items, self.targets = self._pairs("behavior_item")
        self.behavior_scenarios, self.current = self._pairs("behavior_scenario")
        self.behavior_context = f.group("behavior") if s.behavior_context and s.attention != "none" else ()
        self.behavior_values = (*self.behavior_items, *(f.group("behavior") if s.behavior_value == "all" else ()))
        read = {*self.profile, *self.behavior_values, *self.behavior_scenarios, *self.behavior_context}
        embedded = [feature for feature in f.features if feature in read]
        self.embedding = FeatureEmbedding(embedded, s.embedding, kept=(table,), name="embedding")
        self.extract = None
        if self.behavior_items:
            self.extract = CrossScenarioBehaviorExtract(
                self.embedding.widths(self.targets),
                self.embedding.widths(self.current),
                context_width=self.embedding.widths(self.behavior_context),
                attention=s.attention,
                renormalize=s.renormalize,
                units=s.attention_units,
                activation=s.activation,
                l2=s.l2,
                name="extract",
            )
        self.transform = ScenarioTransform(scenarios, table, name="transform") if s.scenario_transform else None
        common: dict[str, Any] = {"activation": s.activation, "dropout": s.expert_dropout, "l2": s.l2}
        self.extraction = [
            ExtractionLayer(
                scenarios,
                table,
                specific=s.specific_experts,
                shared=s.shared_experts,
                units=s.extraction_units,
                **common,
                name=f"extraction_{i}",
            )
            for i in range(1, s.extraction_layers)
        ]
        self.specific = self.shared = None
        if s.specific_experts:
            self.specific = ScenarioExperts(
                scenarios, table, experts=s.specific_experts, units=s.expert_units, **common, name="specific"
            )
        if s.shared_experts:
            self.shared = SharedExperts(s.shared_experts, s.expert_units, **common, name="shared")
        self.gate = ScenarioGate(scenarios, table, specific=s.specific_experts, shared=s.shared_experts, name="gate")

    def _pairs(self, group: Any) -> tuple[tuple[Feature, ...], tuple[Feature, ...]]:
        """Features of behaviors, and the target's features that they repeat."""
        behaviors = self.features.group(group)
        return behaviors, tuple(self.features[f.source] for f in behaviors)

    def _interest(self, features: Mapping[str, tf.Tensor], embedded: Mapping[str, tf.Tensor], training: bool) -> Any:
        """v_cb `[B, Di]` and the behaviors' weights `[N]` (Eqs. 4-7)."""
        assert self.extract is not None
        used = (*self.behavior_values, *self.behavior_scenarios, *self.behavior_context)
        packed = pack({f.name: features[f.name] for f in used}, features[HISTORY_LENGTH])
        behaviors = self.embedding(packed.features, training=training)
        current = concatenate(embedded, self.current)
        if packed.rows is None:  # a request has one scenario, and one attention of it to the behaviors
            current = current[:1]
        interest, weights = self.extract(
            concatenate(behaviors, self.behavior_values),
            concatenate(behaviors, self.behavior_items),
            concatenate(behaviors, self.behavior_scenarios),
            concatenate(embedded, self.targets),
            current,
            packed.rows,
            packed.size,
            context=concatenate(behaviors, self.behavior_context) if self.behavior_context else None,
        )
        return for_all_rows(interest, packed.rows, features[self.features.item]), weights

    def attention_weights(self, features: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Computes the behaviors' weights (Eq. 7), float32 `[B, L]`, 0 at padded positions. Needs a history."""
        embedded = self.embedding({f.name: features[f.name] for f in self.profile})
        _, weights = self._interest(features, embedded, training=False)
        padded = features[self.behavior_items[0].name]
        positions = tf.where(tf.sequence_mask(features[HISTORY_LENGTH], tf.shape(padded)[1]))
        return tf.scatter_nd(positions, weights, tf.shape(padded, tf.int64))

    def opinions(self, features: Mapping[str, tf.Tensor], training: bool = False) -> Opinions:
        """Computes the scores of the row's experts (Eq. 9) and the gate's shares (Eq. 10)."""
        embedded = self.embedding({f.name: features[f.name] for f in self.profile}, training=training)
        parts = [concatenate(embedded, self.profile)]
        if self.extract is not None:
            parts.insert(0, self._interest(features, embedded, training)[0])
        vector = tf.concat(parts, -1)
        scenario = self.scenario_of(features)
        routes = self.routes(features)
        if self.transform is not None:
            vector = self.transform(vector, scenario[:1] if shares_history(features) else scenario)
        if training and self.settings.dropout:
            vector = tf.nn.dropout(vector, self.settings.dropout)
        own = common = vector
        for layer in self.extraction:
            own, common = layer(own, common, routes, training=training)
        scores = []
        if self.specific is not None:
            scores.append(self.specific(own, routes, training=training)[:, :, 0])
        if self.shared is not None:
            scores.append(self.shared(common, training=training)[:, :, 0])
        return Opinions(tf.cast(tf.concat(scores, 1), tf.float32), self.gate(own, routes), routes)

    def call(self, features: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        opinions = self.opinions(features, training)
        return tf.reduce_sum(opinions.gate * opinions.scores, 1)

    def output_biases(self) -> list[tf.Variable]:
        return [experts.output_bias for experts in (self.specific, self.shared) if experts is not None]

    def training_class(self) -> type[TrainingModel]:
        return SARNetTraining


@keras.utils.register_keras_serializable("scenerank")
class SARNetTraining(TrainingModel):
    """SAR-Net with a bias net for each expert, which reweighs its score before the gate's mean (section 4.5).

    Attributes:
      bias: `BiasNets`; None where there are none, or one for all (`DebiasSettings.sharing`).
    """

    serving: SARNet

    def __init__(self, serving: SARNet, debias: Any = None, **options: Any) -> None:
        super().__init__(serving, debias, **options)
        s, f = serving.settings, serving.features
        self.bias = None
        if self.debias.nets and self.debias.sharing == "expert":
            towers: dict[str, Any] = {"specific": s.specific_experts, "shared": s.shared_experts, "columns": f.bias}
            self.bias = BiasNets(f.scenarios, serving.scenario_table, **towers, settings=self.debias, name="bias")

    def bias_tower(self) -> BiasTower | None:
        return super().bias_tower() if self.debias.sharing == "one" else None

    def forward(self, features: Mapping[str, tf.Tensor], training: bool = True) -> Outputs:
        if self.bias is None:
            return super().forward(features, training)
        opinions = self.serving.opinions(features, training)
        scores = self.bias(opinions.scores, features, opinions.routes, training=training)
        return Outputs(tf.reduce_sum(opinions.gate * scores, 1), {})
