"""AESM2's experts, of which every row selects those of its scenario and those of all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import models  # noqa: F401  isort: skip
import tensorflow as tf
import tf_keras as keras

from models.layers.experts import SharedExperts
from models.layers.scenario_routing import ScenarioRoutes


class Selection(NamedTuple):
    """What a layer gives.

    Attributes:
      state: float `[B, units[-1]]`.
      chosen: which experts were mixed, bool `[B, E]`.
      specific, shared: mean divergence of the experts selected as such, float32 `[B]`.
    """

    state: tf.Tensor
    chosen: tf.Tensor
    specific: tf.Tensor
    shared: tf.Tensor


@keras.utils.register_keras_serializable("scenerank")
class GatesOfAll(keras.layers.Layer):
    """`W_t x` of all scenarios t for every row.

    Args:
      scenarios: S.
      table: name of the scenario's embedding table.
      experts: E.

    Input: float `[B, D]`.
    Output: float32 `[B, S, E]`.
    """

    def __init__(self, scenarios: int, table: str, experts: int, **options: Any) -> None:
        super().__init__(**options)
        self.scenarios, self.table, self.experts = scenarios, table, experts

    def build(self, input_shape: Any) -> None:
        width = int(input_shape[-1])
        limit = (6.0 / (width + self.experts)) ** 0.5
        start = keras.initializers.RandomUniform(-limit, limit)
        self.kernel = self.add_weight(name="kernel", shape=(self.scenarios, width, self.experts), initializer=start)
        super().build(input_shape)

    def row_tables(self) -> list[tuple[tf.Variable, str]]:
        """Weights whose rows are those of a table, with its name."""
        return [(self.kernel, self.table)]

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return tf.cast(tf.einsum("bd,sde->bse", inputs, tf.convert_to_tensor(self.kernel)), tf.float32)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "scenarios": self.scenarios, "table": self.table, "experts": self.experts}


@keras.utils.register_keras_serializable("scenerank")
class ExpertSelectionLayer(keras.layers.Layer):
    """One multi-scenario layer of AESM2: experts that a row selects by divergences of the scenarios' gates.

    Each scenario t has a gate `g_t = W_t x + noise`, `[E]`, with Gaussian noise in training. For an expert e the
    distribution over scenarios is `q_e = softmax_t(g_te)`. For a row of scenario s
      the K experts of smallest `KL(onehot(s) || q_e)` are selected as specific,
      the K' experts of smallest `KL(uniform || q_e)` as shared,
    and `state = sum_e a_e f_e(z)`, a the softmax of `g_s` over the selected ones. Selection itself has no gradient;
    the divergences of those selected are losses. q_e mixes the gates of all scenarios for every row, by definition: a
    batch costs one product with all of them. Rows of different scenarios lie in one batch.

    Args:
      scenarios: S, the unknown one among them.
      table: name of the scenario's embedding table.
      experts: E.
      units: widths of an expert's layers.
      specific, shared: K and K', each at most E.
      noise: standard deviation.
      activation, dropout, l2: of the experts.

    Call arguments:
      inputs: z, float `[B, D]`.
      gate: x, what the gates read, float `[B, any]`.
      routes: `ScenarioRoutes` of the batch.

    Returns:
      a `Selection`.
    """

    def __init__(
        self,
        scenarios: int,
        table: str,
        experts: int,
        units: Sequence[int],
        specific: int,
        shared: int,
        noise: float = 0.1,
        activation: str = "relu",
        dropout: float = 0.0,
        l2: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.arguments: dict[str, Any] = {
            "scenarios": scenarios,
            "table": table,
            "experts": experts,
            "units": tuple(units),
            "specific": specific,
            "shared": shared,
            "noise": noise,
            "activation": activation,
            "dropout": dropout,
            "l2": l2,
        }
        self.scenarios, self.count = scenarios, experts
        self.specific, self.shared, self.noise = specific, shared, noise
        self.gates = GatesOfAll(scenarios, table, experts, name="gates")
        self.experts = SharedExperts(experts, units, None, activation, dropout, l2, normalize=False, name="experts")

    def divergences(self, gates: tf.Tensor, own: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """`KL(onehot(s) || q_e)` and `KL(uniform || q_e)`, float32 `[B, E]`: of gates `[B, S, E]`, own ones `[B, E]`.

        With `log q = g - logsumexp(g)` the first is `-log q_s`, the second `-mean(log q) - log S`.
        """
        total = tf.reduce_logsumexp(gates, 1)
        uniform = total - tf.reduce_mean(gates, 1) - tf.math.log(float(self.scenarios))
        return total - own, uniform

    def call(self, inputs: tf.Tensor, gate: tf.Tensor, routes: ScenarioRoutes, training: bool = False) -> Selection:
        gates = self.gates(gate)
        if training and self.noise:
            gates += self.noise * tf.random.normal(tf.shape(gates))
        own = tf.gather(gates, routes.scenario, axis=1, batch_dims=1)
        chosen = tf.zeros_like(own, tf.bool)
        means = []
        for divergence, count in zip(self.divergences(gates, own), (self.specific, self.shared)):
            smallest, places = tf.math.top_k(-divergence, count)
            chosen |= tf.reduce_any(tf.one_hot(places, self.count, True, False, dtype=tf.bool), 1)
            means.append(-tf.reduce_mean(smallest, -1))
        shares = tf.nn.softmax(tf.where(chosen, own, tf.float32.min))
        outputs = self.experts(inputs, training=training)
        state = tf.einsum("be,bed->bd", tf.cast(shares, outputs.dtype), outputs)
        return Selection(state, chosen, *means)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.arguments, "units": list(self.arguments["units"])}
