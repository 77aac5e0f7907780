"""MARIA (Tian et al., SIGIR 2023)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tf_keras as keras

from scenerank.models.base import RankingModel
from scenerank.models.layers.concat_attention import ConcatAttention
from scenerank.models.layers.embedding import FeatureEmbedding, concatenate
from scenerank.models.layers.experts import SharedExperts
from scenerank.models.layers.feature_correlation import FeatureCorrelation
from scenerank.models.layers.feature_refinement import FeatureRefinement
from scenerank.models.layers.feature_scaling import FeatureScaling
from scenerank.models.layers.mixture import Mixture
from scenerank.models.layers.mlp import MLP
from scenerank.models.layers.packing import pack
from scenerank.models.layers.scenario_coupling import scenario_coupling
from scenerank.models.layers.scenario_mlp import ScenarioMLP
from scenerank.models.layers.transformer import TransformerEncoder
from scenerank.models.maria_settings import MARIASettings
from scenerank.models.training import Outputs, TrainingModel
from scenerank.schemas.declaration import HISTORY_LENGTH
from scenerank.schemas.features import Feature

LIKENESS = 0.5
"""Of scenarios that start `alike`."""


@keras.utils.register_keras_serializable("scenerank")
class MARIA(RankingModel):
    """MARIA: features scaled, refined and correlated by scenario, then a mixture of experts and towers.

    `Q = [h_b, u, x_i, t, c]` (Eq. 7); fields that the inputs lack are left out, h_b without a history that repeats
    item columns. The query of the attention is the trigger, or the target item where there is none. e_s is the
    vector of the scenario's id; what else is known of the scenario (its type, the time) is context, c.
    `h_f = h_sp + alpha_s h_sh` (Eq. 18), both towers' last layers with their activation; the logit is Dense(h_f).
    """

    registered = "maria"
    paper = "Tian et al., Multi-Scenario Ranking with Adaptive Feature Learning, SIGIR 2023"
    settings_class = MARIASettings
    settings: MARIASettings
    without_noise = {"gumbel": False, "scenario_dropout": 0.0}

    def __init__(
        self, features: Any, settings: MARIASettings | Mapping[str, Any] | None = None, **options: Any
    ) -> None:
        super().__init__(features, settings, **options)
        s, f = self.settings, self.features
        self.scenario_table = f[f.scenario].table
        self.profile = f.group("user", "item", "scenario", "context", "trigger")
        self.behaviors = f.group("behavior_item")
        if self.behaviors and s.behavior_columns == "all":
            self.behaviors = f.group("behavior_item", "behavior_scenario", "behavior")
        self.embedding = FeatureEmbedding(
            (*self.profile, *self.behaviors),
            s.embedding,
            kept=(self.scenario_table,),
            unit=() if s.scenario_start == "small" else (self.scenario_table,),
            likeness=LIKENESS if s.scenario_start == "alike" else 0.0,
            name="embedding",
        )
        self.fields = self._fields()
        self.keys = tuple(x for x in self.profile if x.name in (f.user, f.item, f.scenario))  # e_u, e_x, e_s
        self.query = f.group("trigger") or f.group("item")
        if self.behaviors:
            self.encoder = TransformerEncoder(
                s.encoder_layers,
                f.history_length,
                heads=s.encoder_heads,
                head_width=s.encoder_head_width,
                units=s.encoder_units,
                dropout=s.dropout,
                l2=s.l2,
                initial_scale=s.embedding.initial_scale,
                name="encoder",
            )
            self.attention = ConcatAttention(s.attention_units, s.activation, s.l2, name="attention")
        elements = [self.embedding.widths(self.behaviors)] if self.behaviors else []
        elements += [self.embedding.width(feature) for field in self.fields for feature in field]
        self.field_widths = [self.embedding.widths(field) for field in self.fields]
        if self.behaviors:
            self.field_widths.insert(0, elements[0])
        self.scaling = None
        if s.scaling:
            self.scaling = FeatureScaling(
                elements, s.scale, units=s.scaling_units, activation=s.activation, l2=s.l2, name="scaling"
            )
        counts = [s.refiners if name in s.selecting else 1 for name in self.field_names]
        self.refinement = [
            FeatureRefinement(
                count,
                max(round(s.refined_share * width / (count if s.refined == "all" else 1)), 1),
                gumbel=s.gumbel,
                temperature=s.temperature,
                units=s.selector_units,
                activation=s.activation,
                l2=s.l2,
                warmup=s.temperature_warmup,
                name=f"refinement_{i}",
            )
            for i, (width, count) in enumerate(zip(self.field_widths, counts) if s.refinement else ())
        ]
        self.correlation = None
        if s.correlation and len(self.field_widths) > 1:
            count = len(self.field_widths)
            self.correlation = FeatureCorrelation(count, s.correlation_width, s.l2, name="correlation")
        common: dict[str, Any] = {"outputs": None, "activation": s.activation, "dropout": s.dropout, "l2": s.l2}
        if s.network_layer:
            self.experts = SharedExperts(s.experts, s.expert_units, **common, normalize=False, name="experts")
            self.mixture = Mixture(s.experts, l2=s.l2, name="mixture")
        self.tower = ScenarioMLP(f.scenarios, self.scenario_table, units=s.tower_units, **common, name="tower")
        self.shared_tower = MLP(s.tower_units, **common, name="shared_tower") if s.shared_tower else None
        self.last = MLP((), 1, l2=s.l2, name="prediction")

    def _fields(self) -> list[tuple[Feature, ...]]:
        """Features of u, x_i, t and c, those that there are."""
        f = self.features
        groups = [f.group("user"), f.group("item"), f.group("trigger"), f.group("scenario", "context")]
        groups[-1] = tuple(feature for feature in groups[-1] if feature.name != f.scenario)
        return [group for group in groups if group]

    def _interest(
        self, features: Mapping[str, tf.Tensor], embedded: Mapping[str, tf.Tensor], training: bool
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """h_b `[B, D]` and the behaviors' weights `[N]`, Eqs. 3-6."""
        packed = pack({x.name: features[x.name] for x in self.behaviors}, features[HISTORY_LENGTH])
        behaviors = concatenate(self.embedding(packed.features, training=training), self.behaviors)
        encoded = self.encoder(behaviors, packed.rows, packed.size, training=training)
        return self.attention(encoded, concatenate(embedded, self.query), packed.rows, packed.size)

    def _scaled(
        self, features: Mapping[str, tf.Tensor], embedded: Mapping[str, tf.Tensor], training: bool
    ) -> list[tf.Tensor]:
        """Fields as refiners read them, each float `[B, its width]`: Eqs. 3-10."""
        parts = [concatenate(embedded, field) for field in self.fields]
        if self.behaviors:
            parts.insert(0, self._interest(features, embedded, training)[0])
        if self.scaling is not None:
            scaled, _ = self.scaling(tf.concat(parts, -1), concatenate(embedded, self.keys))
            parts = tf.split(scaled, self.field_widths, -1)
        return parts

    @property
    def field_names(self) -> tuple[str, ...]:
        """Names of the fields in the order of `refinement`: groups of features, those that behaviors have first."""
        groups = [*(["behaviors"] if self.behaviors else []), *(field[0].group for field in self.fields)]
        return tuple("context" if group == "scenario" else group for group in groups)

    @property
    def selecting(self) -> tuple[str, ...]:
        """Names of the fields that have several refiners to choose from."""
        return tuple(name for name, refine in zip(self.field_names, self.refinement) if refine.selector is not None)

    def refiner_weights(self, features: Mapping[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        """Says which refiners serve a batch. Needs fields that choose.

        Returns:
          (weights, probabilities): float32 `[B, fields, N]` each, fields as in `selecting`: beta (Eqs. 11-12), and how
          likely training would have drawn each refiner.
        """
        embedded = self.embedding({x.name: features[x.name] for x in self.profile})
        e_s = embedded[self.features.scenario]
        scaled = zip(self.refinement, self._scaled(features, embedded, training=False))
        pairs = [(refine, part) for refine, part in scaled if refine.selector is not None]
        return (
            tf.stack([refine.selection(part, e_s) for refine, part in pairs], 1),
            tf.stack([refine.probabilities(part, e_s) for refine, part in pairs], 1),
        )

    def represent(
        self, features: Mapping[str, tf.Tensor], embedded: Mapping[str, tf.Tensor], training: bool = False
    ) -> tf.Tensor:
        """Represents rows as Q_f, float `[B, any]`: adaptive feature learning, Eqs. 3-15."""
        parts = self._scaled(features, embedded, training)
        outputs = parts
        if self.refinement:
            e_s = embedded[self.features.scenario]
            outputs = [refine(part, e_s, training=training) for refine, part in zip(self.refinement, parts)]
        if self.correlation is not None:
            outputs = [*outputs, self.correlation(parts)]
        return tf.concat(outputs, -1)

    def alphas(self) -> tf.Tensor:
        """Computes each scenario's share of the shared tower (Eq. 21), float32 `[S]`; row 0 is the unknown one."""
        table = tf.convert_to_tensor(self.embedding.tables[self.scenario_table])
        return scenario_coupling(tf.math.l2_normalize(table, -1) if self.settings.coupling == "cosine" else table)

    def call(self, features: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        embedded = self.embedding({x.name: features[x.name] for x in self.profile}, training=training)
        state = self.represent(features, embedded, training)
        if self.settings.network_layer:
            state = self.mixture(self.experts(state, training=training), embedded[self.features.scenario])
        scenario = self.scenario_of(features)
        final = self.tower(state, self.routes(features), training=training)
        if self.shared_tower is not None:
            coupling = tf.gather(self.alphas(), scenario)
            shared = self.shared_tower(state, training=training)
            final += tf.cast(coupling, shared.dtype)[:, tf.newaxis] * shared
        return tf.cast(self.last(final)[:, 0], tf.float32)

    def output_biases(self) -> list[tf.Variable]:
        return [self.last.output_bias]

    def training_class(self) -> type[TrainingModel]:
        return MARIATraining


@keras.utils.register_keras_serializable("scenerank")
class MARIATraining(TrainingModel):
    """MARIA, and a watch on whether its shared tower has a say: `alpha`, the mean of alpha_s over known scenarios."""

    serving: MARIA

    @property
    def watched(self) -> tuple[str, ...]:  # type: ignore[override]
        return ("alpha",) if self.serving.shared_tower is not None and self.serving.features.scenarios > 1 else ()

    def forward(self, features: Mapping[str, tf.Tensor], training: bool = True) -> Outputs:
        logits = self.serving(features, training=training)
        return Outputs(logits, {}, {name: tf.reduce_mean(self.serving.alphas()[1:]) for name in self.watched})
