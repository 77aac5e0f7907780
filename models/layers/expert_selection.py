"""AESM2's experts, of which every row selects those of its scenario and those of all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow as tf
import tf_keras as keras

from scenerank.models.layers.configured import ConfiguredLayer
from scenerank.models.layers.experts import SharedExperts
from scenerank.models.layers.scenario_routing import ScenarioRoutes


class Selection(NamedTuple):
    """Output of a layer.

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
class GatesOfAll(ConfiguredLayer):
    """Computes the gates of all scenarios t for every row, `W_t x` (AESM2: Zou et al., SIGIR 2022).

    Args:
      scenarios: S.
      table: name of the scenario's embedding table.
      experts: E.

    Input: float `[B, D]`.
    Output: float32 `[B, S, E]`.

    Example:
      >>> GatesOfAll(3, "page", 4)(tf.ones([2, 6])).shape
      TensorShape([2, 3, 4])
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


@keras.utils.register_keras_serializable("scenerank")
class ExpertSelectionLayer(ConfiguredLayer):
    """Mixes experts that a row selects by divergences of scenarios' gates: AESM2's layer (Zou et al., SIGIR 2022).

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

    Example:
      >>> from scenerank.models.layers.scenario_routing import route
      >>> layer = ExpertSelectionLayer(3, "page", experts=4, units=(8,), specific=1, shared=2)
      >>> selection = layer(tf.ones([5, 6]), tf.ones([5, 7]), route(tf.constant([0, 1, 2, 2, 1]), 3))
      >>> selection.state.shape, selection.chosen.shape
      (TensorShape([5, 8]), TensorShape([5, 4]))
    """

    def __init__(
        self,
        scenarios: int,
        table: str,
        *,
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
        self.scenarios, self.count = scenarios, experts
        self.specific, self.shared, self.noise = specific, shared, noise
        self.gates = GatesOfAll(scenarios, table, experts, name="gates")
        self.experts = SharedExperts(
            experts, units, outputs=None, activation=activation, dropout=dropout, l2=l2, normalize=False, name="experts"
        )

    def divergences(self, gates: tf.Tensor, own: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Computes `KL(onehot(s) || q_e)`, `KL(uniform || q_e)`, float32 `[B, E]`: of gates `[B, S, E]`, own `[B, E]`.

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
