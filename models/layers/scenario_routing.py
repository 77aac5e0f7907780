"""Rows to the parameters of their scenario, without a loop over scenarios."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

SMALLEST_BLOCK, LARGEST_BLOCK = 8, 128


class ScenarioRoutes(NamedTuple):
    """Routes of a batch's rows, grouped into N blocks of K rows, each block of one scenario.

    N is at most B / K + min(S, B): what is computed per block does not grow with the number of scenarios
    beyond the number of those present.

    Attributes:
      scenario: int64 `[B]`.
      block_scenario: int64 `[N]`, the scenario of each block.
      block_rows: int64 `[N, K]`, the row in each place; places left over repeat row 0 and are never read back.
      place: int64 `[B]`, where in the flattened blocks each row lies.
    """

    scenario: tf.Tensor
    block_scenario: tf.Tensor
    block_rows: tf.Tensor
    place: tf.Tensor

    def group(self, rows: tf.Tensor) -> tf.Tensor:
        """Puts `[B, ...]` into blocks, `[N, K, ...]`."""
        return tf.gather(rows, self.block_rows)

    def ungroup(self, blocks: tf.Tensor) -> tf.Tensor:
        """Takes `[N, K, ...]` back to `[B, ...]`."""
        shape = tf.shape(blocks)
        return tf.gather(tf.reshape(blocks, tf.concat([[shape[0] * shape[1]], shape[2:]], 0)), self.place)


def block_size(rows: tf.Tensor, scenarios: int) -> tf.Tensor:
    """Chooses K: about twice the mean number of rows a scenario, as a power of two in [8, 128].

    Small blocks waste few places on the last block of each scenario; large ones read each scenario's weights
    fewer times.
    """
    mean = tf.cast(rows, tf.float32) / float(scenarios)
    power = tf.math.floor(tf.math.log(tf.maximum(2.0 * mean, 1.0)) / tf.math.log(2.0))
    return tf.clip_by_value(tf.cast(2.0**power, tf.int64), SMALLEST_BLOCK, LARGEST_BLOCK)


def route(scenario: tf.Tensor, scenarios: int) -> ScenarioRoutes:
    """Groups rows by scenario, in their order.

    Args:
      scenario: integers `[B]` in `[0, scenarios)`.
      scenarios: S.

    Example:
      >>> routes = route(tf.constant([2, 0, 2]), 3)
      >>> routes.block_scenario.numpy(), routes.group(tf.constant([7, 8, 9])).shape
      (array([0, 2]), TensorShape([2, 8]))
    """
    scenario = tf.cast(scenario, tf.int64)
    rows = tf.shape(scenario, tf.int64)[0]
    size = block_size(rows, scenarios)
    order = tf.argsort(scenario, stable=True)
    ordered = tf.gather(scenario, order)
    present, index, counts = tf.unique_with_counts(ordered, tf.int64)
    blocks = (counts + size - 1) // size
    first_row = tf.cumsum(counts, exclusive=True)
    first_block = tf.cumsum(blocks, exclusive=True)
    rank = tf.range(rows) - tf.gather(first_row, index)
    ordered_place = tf.gather(first_block, index) * size + rank
    places = tf.reduce_sum(blocks) * size
    order = tf.cast(order, tf.int64)
    block_rows = tf.scatter_nd(ordered_place[:, tf.newaxis], order, [places])
    place = tf.scatter_nd(order[:, tf.newaxis], ordered_place, [rows])
    return ScenarioRoutes(scenario, tf.repeat(present, blocks), tf.reshape(block_rows, [-1, size]), place)


def single_route(scenario: tf.Tensor) -> ScenarioRoutes:
    """Groups all rows as one block of the first one's scenario, which is all others', too."""
    rows = tf.range(tf.shape(scenario, tf.int64)[0])
    return ScenarioRoutes(scenario, tf.pad(scenario, [[0, 1]])[:1], rows[tf.newaxis], rows)
