"""Numbers that sum a user's history up, beside the behaviors themselves."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from scenerank.schemas import Column, Declaration
from scenerank.schemas.columns import HISTORY_TYPE
from scenerank.schemas.features import (
    HISTORY_COUNT,
    MATCH_PRIOR,
    RECENT_SECONDS,
    SHARE_PRIOR,
    match_columns,
    summary_columns,
)


def history_summaries(declaration: Declaration, kinds: tf.RaggedTensor, ages: tf.RaggedTensor) -> dict[str, tf.Tensor]:
    """`schemas.features.summary_columns` and the count of behaviors, float32 `[B]` each.

    Args:
      kinds: types of the behaviors, string `[B, (L)]`.
      ages: their ages in seconds, float32 `[B, (L)]`.
    """
    types = declaration.history.types if declaration.history else {}
    count = tf.cast(kinds.row_lengths(), tf.float32)
    weight = tf.exp(-ages.flat_values / RECENT_SECONDS)
    outputs = {HISTORY_COUNT: tf.math.log1p(count)}
    for name, (kind, what) in summary_columns(declaration).items():
        if what == "share":
            even = 1 / len(types)
            outputs[name] = _share(kinds, kind, even) - even
        else:
            outputs[name] = tf.math.log1p(_sums(kinds, _is(kinds, kind) * weight))
    return outputs


def history_matches(
    declaration: Declaration, targets: Mapping[str, tf.Tensor], behaviors: Mapping[str, tf.RaggedTensor]
) -> dict[str, tf.Tensor]:
    """`schemas.features.match_columns`, float32 `[B]` each.

    Args:
      targets: raw columns of the impression, `[B]`.
      behaviors: raw columns of the history, ragged `[B, (L)]`.
    """
    if declaration.history is None:
        return {}
    kinds, even = behaviors[HISTORY_TYPE.name], 1 / len(declaration.history.types)
    alike = {
        name: _alike(declaration[name], targets[name], behaviors[f"history_{name}"])
        for name in declaration.history.matches
    }
    count = {name: _sums(kinds, hits) for name, hits in alike.items()}
    outputs = {}
    for name, (column, kind) in match_columns(declaration).items():
        if kind is None:
            outputs[name] = tf.math.log1p(count[column])
        else:
            whole = _share(kinds, kind, even)
            hits = _sums(kinds, alike[column] * _is(kinds, kind))
            outputs[name] = (hits + MATCH_PRIOR * whole) / (count[column] + MATCH_PRIOR) - whole
    return outputs


def _alike(column: Column, target: tf.Tensor, behaviors: tf.RaggedTensor) -> tf.Tensor:
    """1 for each behavior that has the target's known value, else 0: flat, float32."""
    rows = behaviors.value_rowids()
    same = tf.equal(behaviors.flat_values, tf.gather(target, rows))
    if column.default is not None:
        same &= tf.gather(tf.not_equal(target, column.default), rows)
    return tf.cast(same, tf.float32)


def _share(kinds: tf.RaggedTensor, kind: str, even: float) -> tf.Tensor:
    """Smoothed share of a type in each history, `[B]`."""
    count = tf.cast(kinds.row_lengths(), tf.float32)
    return (_sums(kinds, _is(kinds, kind)) + SHARE_PRIOR * even) / (count + SHARE_PRIOR)


def _is(kinds: tf.RaggedTensor, kind: str) -> tf.Tensor:
    return tf.cast(tf.equal(kinds.flat_values, kind), tf.float32)


def _sums(kinds: tf.RaggedTensor, values: tf.Tensor) -> tf.Tensor:
    """Sums of the behaviors' values by row, `[B]`."""
    return tf.math.unsorted_segment_sum(values, kinds.value_rowids(), kinds.nrows())
