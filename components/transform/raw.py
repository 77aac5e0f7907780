"""Raw examples as tensors: how they are parsed, and histories made dense.

An absent column takes its declared default and an absent history is empty, in training as in serving.
"""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from scenerank.schemas import FAIRNESS, HISTORY_LENGTH, Declaration
from scenerank.schemas.features import FeatureSet

DTYPES = {"int64": tf.int64, "float32": tf.float32, "string": tf.string}


def feature_spec(declaration: Declaration) -> dict[str, tf.io.FixedLenFeature | tf.io.RaggedFeature]:
    """What a model reads of an example: its features, rates and histories, nothing known after the impression."""
    spec: dict[str, tf.io.FixedLenFeature | tf.io.RaggedFeature] = {
        c.name: tf.io.FixedLenFeature([], DTYPES[c.type], c.fill) for c in declaration.features
    }
    for derived in declaration.rate_columns:
        spec[derived.name] = tf.io.FixedLenFeature([], DTYPES[derived.type], 0.0)
    for derived in declaration.history_columns:
        spec[derived.name] = tf.io.RaggedFeature(DTYPES[derived.type], row_splits_dtype=tf.int64)
    return spec


def target_spec(declaration: Declaration) -> dict[str, tf.io.FixedLenFeature]:
    """What training reads besides: label (which must be there), weight, Fairness Coefficient (1 if absent) and the bias
    columns (the reference if absent)."""
    label, weight = declaration.label, declaration.weight
    spec = {
        label.name: tf.io.FixedLenFeature([], DTYPES[label.type]),
        FAIRNESS: tf.io.FixedLenFeature([], tf.float32, 1.0),
    }
    for column in declaration.bias_columns:
        spec[column.name] = tf.io.FixedLenFeature([], DTYPES[column.type], column.at_reference)
    if weight is not None:
        spec[weight.name] = tf.io.FixedLenFeature([], DTYPES[weight.type], 1)
    return spec


def densify(transformed: Mapping[str, tf.Tensor | tf.RaggedTensor], features: FeatureSet) -> dict[str, tf.Tensor]:
    """Pads histories with 0 at the end to the longest of the batch, at least 1.

    Args:
      transformed: what the transform graph gives: `[B]`, ragged `[B, (L)]` for histories.

    Returns:
      The tensors that a model takes, by feature name, and `history_length` if there are histories.
    """
    dense = {f.name: transformed[f.name] for f in features.features if not f.sequence}
    sequences = [f.name for f in features.features if f.sequence]
    if not sequences:
        return dense
    shape = tf.stack([-1, tf.maximum(tf.reduce_max(transformed[HISTORY_LENGTH]), 1)])
    for name in sequences:
        dense[name] = tf.ensure_shape(transformed[name].to_tensor(shape=shape), [None, None])
    dense[HISTORY_LENGTH] = transformed[HISTORY_LENGTH]
    return dense
