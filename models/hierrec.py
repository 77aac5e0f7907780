"""HierRec (Gao et al., CIKM 2024)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import pydantic
import tensorflow as tf
import tf_keras as keras

from scenerank.models.base import RankingModel
from scenerank.models.layers.dynamic_weights import DynamicWeights, Linear
from scenerank.models.layers.embedding import concatenate
from scenerank.models.layers.feature_attention import ScenarioFeatureAttention
from scenerank.models.layers.fields import FieldEmbedding
from scenerank.models.layers.folding import Folding
from scenerank.models.layers.mlp import MLP
from scenerank.models.layers.scenario_routing import ScenarioRoutes, route
from scenerank.models.layers.self_attention import SelfAttention
from scenerank.models.settings import ModelSettings

Width = pydantic.PositiveInt


class HierRecSettings(ModelSettings):
    """HierRec's switches; the paper's values by default, where it gives any.

    Attributes:
      variant: `paper`, or `released`, what the authors' published code does instead: e_s is cut into G pieces, each of
        which makes one head's weights; self-attention over the weighted embeddings; weights are a linear function of
        their condition, without normalisation and activation.
      explicit: whether there is the explicit layer.
      implicit: whether there are implicit layers.
      heads: G; 1 is the ablation without multi-head attention.
      global_units: layers of O_global.
      explicit_units, implicit_units: bottleneck and wide layer of each scenario-oriented layer.
      condition_units: hidden layers of the networks that generate weights (Eqs. 4, 8).
      weight_activation: their last activation, see `DynamicWeights`.
      output_units: hidden layers between the heads' outputs and the logit (Eq. 9).
      activation: of all hidden layers.
      dropout: of Eq. 5.
      momentum: of its normalisation. Layers of generated weights multiply each other, so their moments move fast while
        they learn.
    """

    variant: Literal["paper", "released"] = "paper"
    explicit: bool = True
    implicit: bool = True
    heads: int = pydantic.Field(default=4, ge=1)
    global_units: tuple[Width, ...] = pydantic.Field(default=(128, 64), min_length=1)
    explicit_units: tuple[Width, Width] = (8, 16)
    implicit_units: tuple[Width, Width] = (4, 8)
    condition_units: tuple[Width, ...] = ()
    weight_activation: str = "tanh"
    output_units: tuple[Width, ...] = ()
    activation: str = "relu"
    dropout: float = pydantic.Field(default=0.0, ge=0, lt=1)
    momentum: float = pydantic.Field(default=0.9, ge=0, lt=1)

    @pydantic.model_validator(mode="after")
    def _heads_divide_the_embedding(self) -> HierRecSettings:
        if self.variant == "released" and self.implicit and self.embedding.dim % self.heads:
            raise ValueError(
                f"variant 'released' cuts the scenario's vector into {self.heads} heads: embedding.dim, "
                f"{self.embedding.dim}, must be a multiple"
            )
        return self


class ScenarioParameters(NamedTuple):
    """Parameters that the model derives from scenarios alone, N of them.

    Attributes:
      explicit: the explicit layer's linear layers; empty without it.
      attention: heads' weights of the common features (Eq. 6), float `[N, G, I]`; None without implicit layers.
    """

    explicit: tuple[Linear, ...]
    attention: tf.Tensor | None


@keras.utils.register_keras_serializable("scenerank")
class HierRec(Folding, RankingModel):
    """HierRec: linear layers whose weights the scenario, and then the features that it weighs, decide.

    O_global is a network over all common features; the explicit layer's weights come from e_s (Eq. 4), those of G
    implicit layers side by side from the common features weighed by e_s (Eqs. 6-8); their outputs side by side give
    the logit (Eq. 9). Common features are all but the scenario's id, a sequence being one feature, its mean. e_s is
    the id's vector alone, so that what depends on it can be computed for every scenario ahead: other columns of the
    scenario group may differ between rows of a scenario (the time) and are common features.

    What depends on the scenario alone is computed once for each scenario of a batch, or, after `fold`, never.
    """

    registered = "hierrec"
    paper = "Gao et al., HierRec: Scenario-Aware Hierarchical Modeling for Multi-scenario Recommendations, CIKM 2024"
    settings_class = HierRecSettings
    settings: HierRecSettings

    def __init__(
        self, features: Any, settings: HierRecSettings | Mapping[str, Any] | None = None, **options: Any
    ) -> None:
        super().__init__(features, settings, **options)
        s, f = self.settings, self.features
        released = s.variant == "released"
        self.embedding = FieldEmbedding(f, s.embedding.uniform(), name="embedding")
        self.common = tuple(feature for feature in self.embedding.fields if feature.name != f.scenario)
        common: dict[str, Any] = {"activation": s.activation, "dropout": s.dropout, "momentum": s.momentum, "l2": s.l2}
        self.global_network = MLP(s.global_units, None, **common, normalize=True, name="global")
        generator: dict[str, Any] = {
            **common,
            "units": s.condition_units,
            "weight_activation": s.weight_activation,
            "normalize": not released,
        }
        width = s.global_units[-1]
        self.explicit_weights = self.implicit_weights = self.attention = self.mixing = None
        if s.explicit:
            self.explicit_weights = DynamicWeights((width, *s.explicit_units), **generator, name="explicit_weights")
            width = s.explicit_units[-1]
        if s.implicit:
            self.attention = ScenarioFeatureAttention(
                s.heads, len(self.common), pieces=released, l2=s.l2, name="attention"
            )
            if released:
                self.mixing = SelfAttention(1, s.embedding.dim, dropout=s.dropout, l2=s.l2, name="mixing")
            self.implicit_weights = DynamicWeights((width, *s.implicit_units), **generator, name="implicit_weights")
        self.prediction = MLP(s.output_units, 1, **common, normalize=True, name="prediction")

    def scenario_parameters(
        self, scenario: tf.Tensor, counts: tf.Tensor | None = None, training: bool = False
    ) -> ScenarioParameters:
        """Derives what depends on scenarios alone.

        Args:
          scenario: N of them, int64 `[N]`.
          counts: int64 `[N]`, rows of the batch in each; None: one. They matter in training alone.
        """
        name = self.features.scenario
        e_s = self.embedding.embedding({name: scenario}, training=training)[name]
        explicit: tuple[Linear, ...] = ()
        if self.explicit_weights is not None:
            explicit = self.explicit_weights(e_s, counts, training=training)
        return ScenarioParameters(explicit, None if self.attention is None else self.attention(e_s))

    def constants(self) -> tuple[tf.Tensor, ...]:
        """Derives what depends on scenarios alone, for all of them."""
        parameters = self.scenario_parameters(tf.range(self.features.scenarios, dtype=tf.int64))
        return tuple(tensor for tensor in tf.nest.flatten(parameters) if tensor is not None)

    def _folded_parameters(self, scenario: tf.Tensor) -> ScenarioParameters:
        """As `scenario_parameters`, from the constants."""
        assert self.folded is not None
        found = [tf.gather(constant, scenario) for constant in self.folded]
        attention = found.pop() if self.attention is not None else None
        return ScenarioParameters(tuple(Linear(*pair) for pair in zip(found[::2], found[1::2])), attention)

    def call(self, features: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        embedded = self.embedding(features, training=training)
        fields = concatenate(embedded, self.common)
        state = self.global_network(fields, training=training)
        present, index, counts = tf.unique_with_counts(self.scenario_of(features), tf.int64)
        if self.folded is not None and not training:
            parameters = self._folded_parameters(present)
        else:
            parameters = self.scenario_parameters(present, counts, training)
        if parameters.explicit:
            state = explicit_layer(state, parameters.explicit, route(index, self.features.scenarios))
        if parameters.attention is not None:
            weights = tf.repeat(parameters.attention, fields.shape[-1] // len(self.common), axis=-1)
            state = self._implicit(state, tf.gather(weights, index) * fields[:, tf.newaxis], training)
        return tf.cast(self.prediction(state, training=training)[:, 0], tf.float32)

    def _implicit(self, state: tf.Tensor, weighed: tf.Tensor, training: bool) -> tf.Tensor:
        """Outputs of all implicit layers `[B, G * out]`, given P, `[B, G, I d]` (Eqs. 7-9)."""
        assert self.implicit_weights is not None
        heads, width = weighed.shape[1:]
        condition = tf.reshape(weighed, [-1, width])
        if self.mixing is not None:
            fields = tf.reshape(condition, [-1, len(self.common), width // len(self.common)])
            condition = tf.reshape(self.mixing(fields, training=training), [-1, width])
        layers = self.implicit_weights(condition, training=training)
        hidden = tf.repeat(state, heads, axis=0)
        for kernel, bias in layers:
            hidden = tf.squeeze(hidden[:, tf.newaxis] @ kernel, 1) + bias
        return tf.reshape(hidden, [-1, heads * hidden.shape[-1]])

    def output_biases(self) -> list[tf.Variable]:
        return [self.prediction.output_bias]


def explicit_layer(inputs: tf.Tensor, layers: tuple[Linear, ...], routes: ScenarioRoutes) -> tf.Tensor:
    """Computes `W_2 (W_1 x + b_1) + b_2` with the weights of each row's scenario, HierRec Eq. 1.

    Args:
      inputs: float `[B, D]`.
      layers: of N scenarios.
      routes: of the rows' indices into these N.
    """
    blocks = routes.group(inputs)
    for kernel, bias in layers:
        blocks = blocks @ tf.gather(kernel, routes.block_scenario)
        blocks += tf.gather(bias, routes.block_scenario)[:, tf.newaxis]
    return routes.ungroup(blocks)
