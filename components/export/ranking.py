"""The signature `rank`: one request's user, scenario and history once, its candidates as a list.

Equal in score to the flat signatures with the request's columns written out for every candidate. What the request
brings goes through the transform graph once, and so does in the model what depends on the history alone.

All inputs have a row a request, because TF Serving, where it joins requests into batches, wants their first dimensions
to be equal; of requests that it joins it pads the candidates to the longest list, and gives scores of the padding.
"""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from scenerank.components.transform.graph import TransformGraph
from scenerank.components.transform.summaries import history_matches
from scenerank.schemas import HISTORY_LENGTH, Declaration
from scenerank.schemas.columns import HISTORY_TYPE
from scenerank.schemas.features import FeatureSet

Columns = dict[str, "tf.Tensor | tf.RaggedTensor"]


def rank_signature(declaration: Declaration, flat: Mapping[str, tf.TensorSpec]) -> dict[str, tf.TensorSpec]:
    """Inputs of R requests: the candidates' columns `[R, N]`, all others as in `flat`, with B = R.

    Args:
      flat: inputs of the flat signature `predict`.
    """
    candidates = declaration.candidate_columns
    return {
        name: tf.TensorSpec([None, None], spec.dtype, name) if name in candidates else spec
        for name, spec in flat.items()
    }


def ranking_inputs(
    declaration: Declaration, graph: TransformGraph, features: FeatureSet, columns: Columns
) -> dict[str, tf.Tensor]:
    """What the model takes of N candidates that share their history, see `RankingModel`.

    Args:
      columns: raw ones of one request, those of candidates `[N]`, others `[1]`, histories ragged `[1, (L)]`.
    """
    count = tf.size(columns[declaration.item.name], tf.int64)
    found = graph(columns)  # encodes column by column, each with the history's of the same name: lengths may differ
    if declaration.history is not None and declaration.history.matches:
        compared = (HISTORY_TYPE.name, *(f"history_{column}" for column in declaration.history.matches))
        recent = {name: columns[name][:, -declaration.history.length :] for name in compared}
        found |= history_matches(declaration, columns, {name: _for_all(recent[name], count) for name in compared})
    sequences = {f.name for f in features.features if f.sequence}
    dense = {
        f.name: found[f.name].flat_values if f.name in sequences else tf.broadcast_to(found[f.name], count[tf.newaxis])
        for f in features.features
    }
    if sequences:
        dense[HISTORY_LENGTH] = found[HISTORY_LENGTH][0]
    return dense


def _for_all(history: tf.RaggedTensor, count: tf.Tensor) -> tf.RaggedTensor:
    """`[1, (L)]` as `[count, (L)]` with that row everywhere."""
    length = tf.size(history.flat_values, tf.int64)
    values = tf.tile(history.flat_values, count[tf.newaxis])
    return tf.RaggedTensor.from_row_lengths(values, tf.fill(count[tf.newaxis], length), validate=False)
