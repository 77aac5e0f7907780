"""SAR-Net's Cross-Scenario Behavior Extract layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import tensorflow as tf
import tf_keras as keras

from scenerank.models.layers.attention import ActivationUnit
from scenerank.models.layers.configured import ConfiguredLayer
from scenerank.models.layers.packing import for_all_rows, packed_mean_weights, packed_softmax, packed_sum

Attention = Literal["none", "target", "scenario", "concatenated", "hierarchical", "full"]

_UNITS: dict[str, tuple[str, ...]] = {
    "none": (),
    "target": ("item",),
    "scenario": ("scenario",),
    "concatenated": ("both",),
    "hierarchical": ("both", "scenario"),
    "full": ("item", "scenario"),
}


@keras.utils.register_keras_serializable("scenerank")
class CrossScenarioBehaviorExtract(ConfiguredLayer):
    """Sums up a user's behaviors of all scenarios as one vector, SAR-Net Eqs. 4-7 and Table 4.

    `attention` names the softmaxes whose product weighs the behaviors' item parts:
      none: no softmax, their mean; target: the target item against the behavior's item part (Eq. 5);
      scenario: the current scenario against the behavior's scenario part (Eq. 6);
      concatenated: item and scenario side by side against both parts; hierarchical: the concatenated one,
      times the scenario one; full: target times scenario (Eq. 7).
    Each has parameters of its own. The product of two softmaxes sums to less than 1, the less the longer the
    history; `renormalize` divides by the sum, which is the softmax of the summed scores.

    Attributes:
      scores: the activation units of the softmaxes, by what they compare; none where behaviors are averaged.

    Args:
      item_width, scenario_width: lengths Di, Ds of the two parts; Ds may be 0, if no softmax needs it.
      context_width: length C of what only behaviors have (type, age); enters every score, see `ActivationUnit`.
      attention, renormalize: above.
      units, activation, l2: of the activation units.

    Call arguments:
      values `[N, D]`: what is summed; the item parts in Eq. 7.
      item_keys `[N, Di]`, scenario_keys `[N, Ds]`, context `[N, C]` or None: packed behaviors.
      item_query `[B, Di]`, scenario_query `[B, Ds]`: the target; where rows share their behaviors, one row of the
        scenario's will do.
      rows int64 `[N]`, size int64 scalar: see `packing.Packed`.

    Returns:
      (v_cb, weights): float `[B, D]`, zero for an empty history; float32 `[N]`, `[B, N]` if rows share
      their behaviors. B is 1 where all queries that are read have one row.

    Example:
      >>> rows, size = tf.constant([0, 0, 1], tf.int64), tf.constant(2, tf.int64)  # of three behaviors, two of row 0
      >>> items, scenarios = tf.ones([3, 4]), tf.ones([3, 2])
      >>> extract = CrossScenarioBehaviorExtract(4, 2)
      >>> interest, weights = extract(items, items, scenarios, tf.ones([2, 4]), tf.ones([2, 2]), rows, size)
      >>> interest.shape, weights.shape
      (TensorShape([2, 4]), TensorShape([3]))
    """

    def __init__(
        self,
        item_width: int,
        scenario_width: int,
        *,
        context_width: int = 0,
        attention: Attention = "full",
        renormalize: bool = False,
        units: Sequence[int] = (64, 32),
        activation: str = "relu",
        l2: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.renormalize, self.units = renormalize, tuple(units)
        widths = {"item": item_width, "scenario": scenario_width, "both": item_width + scenario_width}
        self.scores = {
            part: ActivationUnit(
                widths[part], context_width, units=self.units, activation=activation, l2=l2, name=f"{part}_score"
            )
            for part in _UNITS[attention]
        }

    def call(
        self,
        values: tf.Tensor,
        item_keys: tf.Tensor,
        scenario_keys: tf.Tensor,
        item_query: tf.Tensor,
        scenario_query: tf.Tensor,
        rows: tf.Tensor | None,
        size: tf.Tensor,
        context: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        keys = {"item": item_keys, "scenario": scenario_keys}
        queries = {"item": item_query, "scenario": scenario_query}
        if "both" in self.scores:
            keys["both"] = tf.concat([item_keys, scenario_keys], -1)
            queries["both"] = tf.concat([item_query, for_all_rows(scenario_query, rows, item_query)], -1)
        scores = [
            tf.cast(unit(keys[part], queries[part], rows, context), tf.float32) for part, unit in self.scores.items()
        ]
        if not scores:
            weights = packed_mean_weights(values, rows, size)
        elif self.renormalize:
            weights = packed_softmax(sum(scores), rows, size)  # a shared history's scores may be `[B, N]` and `[1, N]`
        else:
            weights = packed_softmax(scores[0], rows, size)
            for score in scores[1:]:
                weights *= packed_softmax(score, rows, size)
        return packed_sum(values, weights, rows, size), weights
