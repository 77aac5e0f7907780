"""DFFM (Guo et al., CIKM 2023)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pydantic
import tensorflow as tf
import tf_keras as keras

from scenerank.models.base import RankingModel
from scenerank.models.baselines.deep import DeepSettings, deep_network
from scenerank.models.layers.configured import ConfiguredLayer
from scenerank.models.layers.fields import FieldEmbedding, stack
from scenerank.models.layers.packing import at_behaviors, packed_softmax, packed_sum
from scenerank.models.layers.pairs import inner_products
from scenerank.models.layers.scenario_dense import ScenarioDense
from scenerank.models.layers.scenario_routing import ScenarioRoutes, route
from scenerank.schemas.features import Feature


class DFFMSettings(DeepSettings):
    """DFFM's switches.

    Attributes:
      domain_layers: depth of a domain network.
      domain_activation: of its layers.
      feature_interaction: whether the fields go through a domain network before their products (DFFI).
      user_behavior: whether behaviors are attended to through domain networks (DFUB), or averaged.
      scenario_dropout: see `ModelSettings`; the networks of the unknown scenario learn from these rows.
    """

    scenario_dropout: float = pydantic.Field(default=0.02, ge=0, lt=1)
    domain_layers: int = pydantic.Field(default=2, ge=1)
    domain_activation: str = "tanh"
    feature_interaction: bool = True
    user_behavior: bool = True


@keras.utils.register_keras_serializable("scenerank")
class DomainDense(ScenarioDense):
    """Computes `x (I + W_s) + b_s`: all `W_s` and `b_s` start at 0, and each domain from its input as it is."""

    def kernel_of(self, scenario: tf.Tensor) -> tf.Tensor:
        kernel = super().kernel_of(scenario)
        return kernel + tf.eye(self.units, dtype=kernel.dtype)


@keras.utils.register_keras_serializable("scenerank")
class DomainNetwork(ConfiguredLayer):
    """Transforms vectors by D, a small MLP with weights of the domain (Eqs. 3-6), from width d to width d.

    The paper splits and reshapes a wide embedding of the domain into the weights; a table of weights with a row for
    each domain is the same.

    Args:
      scenarios: S.
      table: name of the scenario's embedding table.
      width: d.
      layers, activation, l2: of the MLP.

    Call arguments:
      inputs: float `[M, d]`.
      routes: `ScenarioRoutes` of the M rows.

    Returns:
      float `[M, d]`.
    """

    def __init__(
        self,
        scenarios: int,
        table: str,
        *,
        width: int,
        layers: int = 2,
        activation: str = "tanh",
        l2: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.dense = [
            DomainDense(scenarios, width, table=table, kernel_initializer="zeros", l2=l2, name=f"dense_{i}")
            for i in range(layers)
        ]
        self.activate = keras.layers.Activation(activation)

    def call(self, inputs: tf.Tensor, routes: ScenarioRoutes, training: bool = False) -> tf.Tensor:
        blocks = routes.group(inputs)
        for layer in self.dense:
            blocks = self.activate(layer(blocks, routes, training=training, grouped=True))
        return routes.ungroup(blocks)


@keras.utils.register_keras_serializable("scenerank")
class DFFM(RankingModel):
    """DFFM: products of fields, and attention to behaviors, in which the scenario's parameters take part.

    DFFI: the fields' vectors and `<D(e_i), D(e_j)>` of every pair (Eq. 2, the paper's example on PNN) go to a DNN.
    DFUB: domain and target together decide which behaviors count: a softmax over `<D_q(e_t), D_k(e_b)> / sqrt(width)`
    weighs the `D_v(e_b)`, with a domain network for each of query, key and value in the place of their projections,
    and one head. The scenario is that of the request.
    Each column's vector goes through D by itself, and the attended columns are fields like all others. Behaviors
    whose columns a target does not have are averaged.
    """

    registered = "dffm"
    paper = "Guo et al., DFFM: Domain Facilitated Feature Modeling for CTR Prediction, CIKM 2023"
    settings_class = DFFMSettings
    settings: DFFMSettings
    without_noise = {"scenario_dropout": 0.0}

    def __init__(self, features: Any, settings: DFFMSettings | Mapping[str, Any] | None = None, **options: Any) -> None:
        super().__init__(features, settings, **options)
        s, f = self.settings, self.features

        def domain_network(name: str) -> DomainNetwork:
            table = f[f.scenario].table
            return DomainNetwork(
                f.scenarios,
                table,
                width=s.embedding.dim,
                layers=s.domain_layers,
                activation=s.domain_activation,
                l2=s.l2,
                name=name,
            )

        self.keys = f.group("behavior_item") if s.user_behavior else ()
        self.targets = tuple(f[key.source] for key in self.keys)
        self.fields = FieldEmbedding(f, s.embedding.uniform(), pooled=not self.keys, name="fields")
        self.domain = domain_network("domain") if s.feature_interaction else None
        self.attention = [domain_network(name) for name in ("query", "key", "value")] if self.keys else []
        self.deep = deep_network(s)

    def _transformed(
        self,
        network: DomainNetwork,
        embedded: Mapping[str, tf.Tensor],
        columns: tuple[Feature, ...],
        scenario: tf.Tensor,
        training: bool,
    ) -> tf.Tensor:
        """D of each column: float `[M, columns * d]`, for rows of the given scenarios `[M]`."""
        width = self.settings.embedding.dim
        rows = tf.reshape(stack(embedded, columns), [-1, width])
        routes = route(tf.repeat(scenario, len(columns)), self.features.scenarios)
        return tf.reshape(network(rows, routes, training=training), [-1, len(columns) * width])

    def interest(
        self, features: Mapping[str, tf.Tensor], embedded: Mapping[str, tf.Tensor], training: bool = False
    ) -> tf.Tensor:
        """Attends to the behaviors (DFUB): their columns' sums, float `[B, columns, d]`, zero for an empty history."""
        packed, behaviors = self.fields.behaviors(features, training)
        current = self.scenario_of(features)
        if packed.rows is None:  # one scenario; the unknown one where there is no row to say which
            past = tf.repeat(tf.pad(current, [[0, 1]])[:1], tf.size(packed.features[self.keys[0].name]))
        else:
            past = tf.gather(current, packed.rows)
        of_query, of_key, of_value = self.attention
        query = self._transformed(of_query, embedded, self.targets, current, training)
        keys = self._transformed(of_key, behaviors, self.keys, past, training)
        values = self._transformed(of_value, behaviors, self.fields.sequences, past, training)
        scores = tf.reduce_sum(at_behaviors(query, packed.rows) * keys, -1) * keys.shape[-1] ** -0.5
        weights = packed_softmax(scores, packed.rows, packed.size)
        attended = packed_sum(values, weights, packed.rows, packed.size)
        return tf.reshape(attended, [-1, len(self.fields.sequences), self.settings.embedding.dim])

    def call(self, features: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        embedded = self.fields(features, training=training)
        fields = stack(embedded, self.fields.fields)
        if self.attention:
            fields = tf.concat([fields, self.interest(features, embedded, training)], 1)
        count, width = fields.shape[1:]
        crossed = fields
        if self.domain is not None:
            routes = route(tf.repeat(self.scenario_of(features), count), self.features.scenarios)
            rows = self.domain(tf.reshape(fields, [-1, width]), routes, training=training)
            crossed = tf.reshape(rows, [-1, count, width])
        signals = tf.concat([tf.reshape(fields, [-1, count * width]), inner_products(crossed)], -1)
        return tf.cast(self.deep(signals, training=training)[:, 0], tf.float32)

    def output_biases(self) -> list[tf.Variable]:
        return [self.deep.output_bias]
