"""MuseNet's repeat intention modules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from scenerank.models.layers.configured import ConfiguredLayer
from scenerank.models.layers.experts import SharedExperts
from scenerank.models.layers.scenario_experts import ScenarioExperts
from scenerank.models.layers.scenario_routing import ScenarioRoutes


@keras.utils.register_keras_serializable("scenerank")
class RepeatIntention(ConfiguredLayer):
    """Asks whether the user wants something again or something new, and this item then (MuseNet section 3.2.2).

    In each module `p_r = sigmoid(MLP(user))`, s_r and s_e are MLPs of user and item, and (Eq. 9)
    `z = 1[t in B_u] p_r s_r + 1[t not in B_u] (1 - p_r) s_e`.
    All modules' MLPs of one kind are one product. Hidden layers are Dense and activation alone.

    Args:
      modules: K; every row goes through all of them.
      units: widths of the MLPs' hidden layers, at least one.
      repeat: off: a module is one MLP s of user and item, and z = s.
      scenarios, table: None, or there is a module for each of S given scenarios, whose table this is, instead of
        the K, and a row goes through its scenario's alone: K is 1 in what follows.
      activation, dropout, l2: of the hidden layers.

    Call arguments:
      user: `[p_u, B_u, o_u]`, float `[B, Du]`.
      item: b_t, float `[B, Di]`.
      repeated: 1[t in B_u], bool `[B]`; None without `repeat`.
      routes: `ScenarioRoutes` of the batch; None without `scenarios`.

    Returns:
      (z, p_r): float32 `[B, K]` each; p_r is None without `repeat`.

    Example:
      >>> intention = RepeatIntention(3, (8,))
      >>> scores, again = intention(tf.ones([2, 6]), tf.ones([2, 4]), tf.constant([True, False]))
      >>> scores.shape, again.shape
      (TensorShape([2, 3]), TensorShape([2, 3]))
    """

    def __init__(
        self,
        modules: int,
        units: Sequence[int],
        *,
        repeat: bool = True,
        scenarios: int | None = None,
        table: str | None = None,
        activation: str = "relu",
        dropout: float = 0.0,
        l2: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.modules = 1 if scenarios else modules

        def networks(each: int, name: str) -> SharedExperts | ScenarioExperts:
            common: dict[str, Any] = {"activation": activation, "dropout": dropout, "l2": l2, "normalize": False}
            if scenarios is None:
                return SharedExperts(modules * each, units, name=name, **common)
            return ScenarioExperts(scenarios, str(table), experts=each, units=units, name=name, **common)

        self.intention = networks(1, "intention") if repeat else None
        self.affinity = networks(2 if repeat else 1, "affinity")

    def call(
        self,
        user: tf.Tensor,
        item: tf.Tensor,
        repeated: tf.Tensor | None = None,
        routes: ScenarioRoutes | None = None,
        training: bool = False,
    ) -> tuple[tf.Tensor, tf.Tensor | None]:
        def outputs(networks: SharedExperts | ScenarioExperts, inputs: tf.Tensor) -> tf.Tensor:
            extra = () if routes is None else (routes,)
            return tf.cast(networks(inputs, *extra, training=training)[:, :, 0], tf.float32)

        scores = outputs(self.affinity, tf.concat([user, item], -1))
        if self.intention is None:
            return scores, None
        scores = tf.reshape(scores, [-1, self.modules, 2])
        again = tf.sigmoid(outputs(self.intention, user))
        assert repeated is not None
        chosen = tf.where(repeated[:, tf.newaxis], again * scores[:, :, 0], (1.0 - again) * scores[:, :, 1])
        return chosen, again
