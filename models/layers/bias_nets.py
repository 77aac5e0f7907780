"""What only training has: the effect of exposure boosts on an expert's score."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import models  # noqa: F401  isort: skip
import tensorflow as tf
import tf_keras as keras

from models.layers.experts import SharedExperts
from models.layers.scenario_experts import ScenarioExperts
from models.layers.scenario_routing import ScenarioRoutes, route

LOWEST, HIGHEST = 1e-2, 1e2
"""Fairness Coefficients are cut to this range before their logarithm."""


@keras.utils.register_keras_serializable("scenerank")
class FairnessEmbedding(keras.layers.Layer):
    """A Fairness Coefficient as a vector v_b: its logarithm times a vector, and the row of its bucket.

    Buckets are equally wide in the logarithm; the middle ones meet at FC = 1.

    Args:
      dim: length of each of the two parts.
      buckets: rows of the bucket table.

    Call arguments:
      coefficient: float `[B]`, above 0.

    Returns:
      float `[B, 2 * dim]`.
    """

    def __init__(self, dim: int = 8, buckets: int = 32, **options: Any) -> None:
        super().__init__(autocast=False, **options)
        self.dim, self.buckets = dim, buckets

    def build(self, input_shape: Any) -> None:
        self.direction = self.add_weight(name="direction", shape=(self.dim,), initializer="random_normal")
        self.offset = self.add_weight(name="offset", shape=(self.dim,), initializer="zeros")
        self.rows = self.add_weight(name="rows", shape=(self.buckets, self.dim), initializer="random_normal")
        super().build(input_shape)

    def call(self, coefficient: tf.Tensor) -> tf.Tensor:
        logarithm = tf.math.log(tf.clip_by_value(tf.cast(coefficient, tf.float32), LOWEST, HIGHEST))
        place = (logarithm - math.log(LOWEST)) / (math.log(HIGHEST) - math.log(LOWEST))
        bucket = tf.clip_by_value(tf.cast(place * self.buckets, tf.int32), 0, self.buckets - 1)
        value = tf.cast(logarithm, self.compute_dtype)[:, tf.newaxis] * self.direction + self.offset
        return tf.concat([value, tf.gather(self.rows, bucket)], -1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "dim": self.dim, "buckets": self.buckets}


@keras.utils.register_keras_serializable("scenerank")
class BiasNets(keras.layers.Layer):
    """One bias net for each expert, SAR-Net section 4.5; the bias net of a scenario's expert is the scenario's own.

    `multiply`: `score = main * 2 sigmoid(bias)`; `add`: `score = main + bias`. The bias is what the net gives for
    the row's coefficient less what it gives for FC = 1 in the same scenario: an impression that nobody boosted is
    left as it is, always and not only at first. Serving, which leaves the nets out, thus is training at FC = 1, and
    a day whose coefficients are all 1 trains the main nets alone. All biases start at 0.

    Args:
      scenarios: S.
      table: name of the scenario's embedding table.
      specific, shared: numbers of experts.
      units: hidden layers of each net (Dense, batch normalisation, activation).
      dim, buckets: see `FairnessEmbedding`.
      fusion: above.

    Call arguments:
      main: the experts' scores, float `[B, specific + shared]`.
      coefficient: Fairness Coefficients, float `[B]`.
      routes: `ScenarioRoutes` of the batch.

    Returns:
      float `[B, specific + shared]`, the scores under the bias.
    """

    def __init__(
        self,
        scenarios: int,
        table: str,
        specific: int,
        shared: int,
        units: Sequence[int] = (8,),
        dim: int = 8,
        buckets: int = 32,
        fusion: Literal["multiply", "add"] = "multiply",
        **options: Any,
    ) -> None:
        super().__init__(autocast=False, **options)
        self.arguments: dict[str, Any] = {
            "scenarios": scenarios,
            "table": table,
            "specific": specific,
            "shared": shared,
            "units": tuple(units),
            "dim": dim,
            "buckets": buckets,
            "fusion": fusion,
        }
        self.fusion = fusion
        self.embedding = FairnessEmbedding(dim, buckets, name="embedding")
        self.specific_nets = (
            ScenarioExperts(scenarios, table, specific, units, zero_output=True, name="specific_nets")
            if specific
            else None
        )
        self.shared_nets = SharedExperts(shared, units, zero_output=True, name="shared_nets") if shared else None

    def biases(self, coefficient: tf.Tensor, routes: ScenarioRoutes, training: bool = False) -> tf.Tensor:
        """The nets' outputs less those at FC = 1, float `[B, specific + shared]`."""
        # Each row's twin with FC = 1 goes along: it is normalised as the others are, whatever lies on which replica.
        vector = self.embedding(tf.concat([coefficient, tf.ones_like(coefficient)], 0))
        parts = []
        if self.specific_nets is not None:
            both = route(tf.concat([routes.scenario, routes.scenario], 0), self.arguments["scenarios"])
            parts.append(self.specific_nets(vector, both, training=training)[:, :, 0])
        if self.shared_nets is not None:
            parts.append(self.shared_nets(vector, training=training)[:, :, 0])
        outputs, unboosted = tf.split(tf.concat(parts, 1), 2)
        return outputs - unboosted

    def call(
        self, main: tf.Tensor, coefficient: tf.Tensor, routes: ScenarioRoutes, training: bool = False
    ) -> tf.Tensor:
        bias = tf.cast(self.biases(coefficient, routes, training), main.dtype)
        return main * (2.0 * tf.sigmoid(bias)) if self.fusion == "multiply" else main + bias

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.arguments, "units": list(self.arguments["units"])}
