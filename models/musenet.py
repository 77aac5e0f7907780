"""MuseNet (Xu et al., WSDM 2023)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import pydantic
import tensorflow as tf
import tf_keras as keras

from scenerank.models.base import RankingModel
from scenerank.models.layers.embedding import concatenate
from scenerank.models.layers.fields import BEHAVIORS, PROFILE, FieldEmbedding
from scenerank.models.layers.repeat_intention import RepeatIntention
from scenerank.models.layers.repeats import is_repeated, repeat_share
from scenerank.models.layers.scenario_learning import Divergence, ScenarioLearner
from scenerank.models.settings import ModelSettings
from scenerank.models.training import Outputs, TrainingModel
from scenerank.schemas.declaration import HISTORY_LENGTH
from scenerank.schemas.features import FeatureGroup

REQUEST: tuple[FeatureGroup, ...] = ("scenario", "context", "trigger")
"""What a request carries, o_u."""


class MuseNetSettings(ModelSettings):
    """MuseNet's switches (Table 3); the paper's values by default, but for the divergence.

    Attributes:
      scenarios: `soft` and `hard`: learned, see `ScenarioLearner`; `predefined`: the given ones, each with a module of
        its own (unknown ones share a module, which learns by `scenario_dropout` alone where training knows them all);
        `none`: one module for everything.
      prototypes: K, learned scenarios.
      repeat: whether a module tells repeating from exploring; off: one score a module (w/o M2).
      given_scenario: whether the scenario's columns, the target's and the behaviors', are among the inputs.
      assigned_by: what of x tells the scenario: `request`, what the request carries (the columns of scenario, context
        and trigger, if there are any); `sample`, everything, item and ids among it, which drowned the purposes of trips
        that the request's columns tell (docs/benchmarks/models.md).
      metric_dim: width of the metric space, which the paper leaves open.
      temperature: tau of the Gumbel-softmax.
      prototype_rate: alpha, see `Prototypes`.
      radius: see `ScenarioLearner`.
      divergence: what Eq. 12 is taken of: `mean`, the batch's mean share, so that scenarios are used evenly; `row`,
        each row's shares, the paper's text, of which even shares are the optimum and prototypes that coincide the end.
      divergence_weight: weight of the divergence of Eq. 12, 1 in the paper.
      repeat_weight: beta, weight of the auxiliary loss of Eq. 10.
      units: hidden layers of every MLP, which the paper leaves open.
      activation, dropout: of these layers.
    """

    scenarios: Literal["soft", "hard", "predefined", "none"] = "soft"
    prototypes: int = pydantic.Field(default=4, ge=2)
    repeat: bool = True
    given_scenario: bool = True
    assigned_by: Literal["request", "sample"] = "request"
    metric_dim: int = pydantic.Field(default=16, ge=1)
    temperature: float = pydantic.Field(default=0.1, gt=0)
    prototype_rate: float = pydantic.Field(default=0.2, gt=0, le=1)
    radius: float = pydantic.Field(default=3.0, gt=0)
    divergence: Divergence = "mean"
    divergence_weight: float = pydantic.Field(default=1.0, ge=0)
    repeat_weight: float = pydantic.Field(default=0.5, ge=0)
    units: tuple[pydantic.PositiveInt, ...] = pydantic.Field(default=(128, 64), min_length=1)
    activation: str = "relu"
    dropout: float = pydantic.Field(default=0.0, ge=0, lt=1)


class Intentions(NamedTuple):
    """Intentions that MuseNet reads from a batch.

    Attributes:
      logits: float32 `[B]`.
      shares: a, float32 `[B, K]`.
      likely: a before anything is drawn or chosen, float32 `[B, K]`.
      scores: z, float32 `[B, K]`.
      again: p_r, float32 `[B, K]`; None without repeat modules.
      divergence: float32 `[B]`, Eq. 12; None where scenarios are not learned.
    """

    logits: tf.Tensor
    shares: tf.Tensor
    likely: tf.Tensor
    scores: tf.Tensor
    again: tf.Tensor | None
    divergence: tf.Tensor | None


class Assignments(NamedTuple):
    """Assignments of samples among the learned scenarios.

    Attributes:
      points: f(x) in the metric space, float32 `[B, metric_dim]`.
      shares: a, float32 `[B, K]`, summing to 1; the scenario of a sample is the largest.
    """

    points: tf.Tensor
    shares: tf.Tensor


@keras.utils.register_keras_serializable("scenerank")
class MuseNet(RankingModel):
    """MuseNet: learned scenarios, each with a module of its own; the logit is `sum_k a_k z_k + b`.

    p_u are the user's features, b_t the item's, B_u the means of the behaviors' columns (the paper does not say how
    they are pooled), o_u the features of scenario, context and trigger; x, which is assigned to a scenario, is o_u or
    all of them side by side. b is ours: a z that is a product of a probability and a score cannot carry the click rate.
    Without a history that has the item's ids there is nothing to repeat, and modules are as without `repeat`.
    What only training needs is in `MuseNetTraining`.
    """

    registered = "musenet"
    paper = "Xu et al., MUSENET: Multi-Scenario Learning for Repeat-Aware Personalized Recommendation, WSDM 2023"
    settings_class = MuseNetSettings
    settings: MuseNetSettings

    def __init__(
        self, features: Any, settings: MuseNetSettings | Mapping[str, Any] | None = None, **options: Any
    ) -> None:
        super().__init__(features, settings, **options)
        s, f = self.settings, self.features
        hidden = () if s.given_scenario else ("scenario", "behavior_scenario")
        groups = [group for group in (*PROFILE, *BEHAVIORS) if group not in hidden]
        self.embedding = FieldEmbedding(f, s.embedding, groups=groups, name="embedding")
        self.item_fields = tuple(field for field in self.embedding.fields if field.group == "item")
        self.user_fields = tuple(field for field in self.embedding.fields if field.group != "item")
        told = [field for field in self.embedding.fields if field.group in REQUEST]
        self.assigned_fields = tuple(told) if told and s.assigned_by == "request" else self.embedding.fields
        histories = [field for field in f.group("behavior_item") if field.source == f.item]
        self.item_history = histories[0] if histories and s.repeat else None
        self.learner = None
        if s.scenarios in ("soft", "hard"):
            self.learner = ScenarioLearner(
                s.prototypes,
                s.metric_dim,
                hard=s.scenarios == "hard",
                temperature=s.temperature,
                rate=s.prototype_rate,
                radius=s.radius,
                divergence=s.divergence,
                name="learner",
            )
        self.predefined = s.scenarios == "predefined"
        self.intention = RepeatIntention(
            s.prototypes if self.learner is not None else 1,
            s.units,
            repeat=self.item_history is not None,
            scenarios=f.scenarios if self.predefined else None,
            table=f[f.scenario].table if self.predefined else None,
            activation=s.activation,
            dropout=s.dropout,
            l2=s.l2,
            name="intention",
        )
        self.bias = self.add_weight(
            name="bias", shape=(1,), initializer="zeros", dtype=tf.float32, experimental_autocast=False
        )

    def intentions(self, features: Mapping[str, tf.Tensor], training: bool = False) -> Intentions:
        """Computes the assignment to scenarios, and what each scenario's module says."""
        embedded = self.embedding(features, training=training)
        user, item = concatenate(embedded, self.user_fields), concatenate(embedded, self.item_fields)
        repeated = None
        if self.item_history is not None:
            target, history = features[self.features.item], features[self.item_history.name]
            repeated = is_repeated(history, features[HISTORY_LENGTH], target, self.item_history.size)
        routes = self.routes(features) if self.predefined else None
        scores, again = self.intention(user, item, repeated, routes, training=training)
        if self.learner is None:
            shares = likely = tf.ones_like(scores)
            divergence = None
        else:
            shares, likely, divergence = self.learner(concatenate(embedded, self.assigned_fields), training=training)
        logits = tf.reduce_sum(shares * scores, 1) + self.bias
        return Intentions(logits, shares, likely, scores, again, divergence)

    def assignments(self, features: Mapping[str, tf.Tensor]) -> Assignments:
        """Assigns the batch in the metric space, as at inference. Needs learned scenarios."""
        assert self.learner is not None
        inputs = concatenate(self.embedding(features), self.assigned_fields)
        return Assignments(tf.cast(self.learner.project(inputs), tf.float32), self.learner(inputs).shares)

    @property
    def prototypes(self) -> tf.Variable:
        """Prototypes of the learned scenarios, float32 `[K, metric_dim]`. Needs learned scenarios."""
        assert self.learner is not None
        return self.learner.prototypes.prototypes

    def call(self, features: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        return self.intentions(features, training).logits

    def output_biases(self) -> list[tf.Variable]:
        return [self.bias]

    def training_class(self) -> type[TrainingModel]:
        return MuseNetTraining


@keras.utils.register_keras_serializable("scenerank")
class MuseNetTraining(TrainingModel):
    """MuseNet with its two further losses (Eq. 13), of whatever the serving model has.

    divergence: of the shares from even ones, Eq. 12. repeat: `beta (r - sum_k a_k p_r_k)^2`, Eq. 10 with the sign
    that is meant, r being the share of the user's past events that repeat an earlier item.
    Watched, where scenarios are learned: `prototype_distance`, the smallest between two prototypes, 0 where scenarios
    have become one; `greatest_share`, a row's greatest before anything is drawn, 1 / K where shares are even.
    """

    serving: MuseNet

    @property
    def auxiliary(self) -> tuple[str, ...]:  # type: ignore[override]
        serving = self.serving
        has = {"divergence": serving.learner is not None, "repeat": serving.item_history is not None}
        return tuple(name for name, present in has.items() if present)

    @property
    def watched(self) -> tuple[str, ...]:  # type: ignore[override]
        return ("prototype_distance", "greatest_share") if self.serving.learner is not None else ()

    def forward(self, features: Mapping[str, tf.Tensor], training: bool = True) -> Outputs:
        serving, losses, watched = self.serving, {}, {}
        found = serving.intentions(features, training)
        if serving.learner is not None and found.divergence is not None:
            watched["prototype_distance"] = serving.learner.prototypes.smallest_distance()
            watched["greatest_share"] = tf.reduce_max(found.likely, 1)
            losses["divergence"] = serving.settings.divergence_weight * found.divergence
        if found.again is not None and serving.item_history is not None:
            history, size = features[serving.item_history.name], serving.item_history.size
            share = repeat_share(history, features[HISTORY_LENGTH], size)
            expected = tf.reduce_sum(found.shares * found.again, 1)
            losses["repeat"] = serving.settings.repeat_weight * tf.square(share - expected)
        return Outputs(found.logits, losses, watched)
