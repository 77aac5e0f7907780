"""The signature `rank`: one request's user, scenario and history once, its candidates as a list.

Equal in score to the flat signatures with the request's columns written out for every candidate. The behaviors go
through the transform graph once, not once a candidate: encoding their texts is most of what a flat request costs.
"""

from __future__ import annotations

from collections.abc import Mapping

import models  # noqa: F401  (legacy Keras has to be chosen before TensorFlow is imported)

import tensorflow as tf  # isort: skip

from components.transform.graph import TransformGraph
from components.transform.raw import densify
from components.transform.summaries import history_matches
from schemas import HISTORY_LENGTH, Declaration
from schemas.features import HISTORY_COUNT, FeatureSet, summary_columns

Columns = dict[str, "tf.Tensor | tf.RaggedTensor"]


def candidate_columns(declaration: Declaration) -> list[str]:
    """Raw columns that differ between the candidates of a request: the item's, and rates by any of them."""
    item = {c.name for c in declaration.features if c.group == "item"}
    return [*item, *(d.name for d in declaration.rate_columns if item & {*d.keys})]


def rank_signature(declaration: Declaration, flat: Mapping[str, tf.TensorSpec]) -> dict[str, tf.TensorSpec]:
    """Inputs: the candidates' columns `[N]`, all others `[1]`, histories `[1, L]`, `history_length` `[1]`.

    Args:
      flat: inputs of the flat signature `predict`.
    """
    candidates = candidate_columns(declaration)
    return {
        name: spec if name in candidates else tf.TensorSpec([1, *spec.shape[1:]], spec.dtype, name)
        for name, spec in flat.items()
    }


def ranking_inputs(
    declaration: Declaration, graph: TransformGraph, features: FeatureSet, columns: Columns
) -> dict[str, tf.Tensor]:
    """What the model takes of N candidates.

    Args:
      columns: raw ones as in `rank_signature`; histories ragged `[1, (L)]`.

    Returns:
      as `densify`.
    """
    count = tf.size(columns[declaration.item.name], tf.int64)
    histories = {d.name: columns[d.name] for d in declaration.history_columns}
    wide = {
        name: tf.broadcast_to(column, count[tf.newaxis]) for name, column in columns.items() if name not in histories
    }
    # the first candidate brings the history to the graph, the others have none there
    narrow = {name: _of_the_first(history, count) for name, history in histories.items()}
    found = graph({**wide, **narrow})
    if not histories:
        return densify(found, features)
    summaries = (HISTORY_COUNT, HISTORY_LENGTH, *summary_columns(declaration))
    shared = {name: tf.repeat(found[name][:1], count, 0) for name in summaries}
    assert declaration.history is not None
    recent = {name: _for_all(history[:, -declaration.history.length :], count) for name, history in histories.items()}
    shared |= history_matches(declaration, wide, recent)
    sequences = {f.name: _for_all(found[f.name][:1], count) for f in features.features if f.sequence}
    return densify({**found, **shared, **sequences}, features)


def _of_the_first(history: tf.RaggedTensor, count: tf.Tensor) -> tf.RaggedTensor:
    """`[1, (L)]` as `[count, (L)]` whose first row it is; the others are empty."""
    length = tf.size(history.flat_values, tf.int64)
    splits = tf.concat([[tf.constant(0, tf.int64)], tf.fill(count[tf.newaxis], length)], 0)
    return tf.RaggedTensor.from_row_splits(history.flat_values, splits, validate=False)


def _for_all(history: tf.RaggedTensor, count: tf.Tensor) -> tf.RaggedTensor:
    """`[1, (L)]` as `[count, (L)]` with that row everywhere."""
    length = tf.size(history.flat_values, tf.int64)
    values = tf.tile(history.flat_values, count[tf.newaxis])
    return tf.RaggedTensor.from_row_lengths(values, tf.fill(count[tf.newaxis], length), validate=False)
