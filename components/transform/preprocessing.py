"""`preprocessing_fn` of TFX's Transform, derived from the declaration.

Out come the features that `schemas.features.feature_set` lists, under the names of the raw columns, and
`history_length`. Labels, weights and Fairness Coefficients are not touched: the Trainer takes them from the raw
example, so the transform graph, which is also served, knows nothing of them.

Analyses read the target's columns only; behaviors are encoded with the same vocabularies, quantiles and
moments, in one look-up together with the target.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import tensorflow as tf
import tensorflow_transform as tft

from scenerank.components.transform.rows import identity_rows, listed_rows
from scenerank.components.transform.summaries import history_matches, history_summaries
from scenerank.schemas import HISTORY_LENGTH, Column, Declaration
from scenerank.schemas.columns import HISTORY_AGE, HISTORY_TYPE
from scenerank.schemas.features import AGE_BUCKETS, FeatureSet, feature_set

Tensors = Mapping[str, "tf.Tensor | tf.RaggedTensor"]


def preprocessing_fn(inputs: Tensors, custom_config: Mapping[str, str]) -> dict[str, tf.Tensor | tf.RaggedTensor]:
    """Encodes a batch.

    Args:
      inputs: raw columns: `[B]`, or ragged `[B, (L)]` for histories, oldest first.
      custom_config: `declaration`, the JSON of a `Declaration`.

    Returns:
      Categorical features int64 and numeric ones float32, `[B]` or ragged `[B, (L)]`; `history_length` int64 `[B]`.
    """
    declaration = Declaration.model_validate_json(custom_config["declaration"])
    length = declaration.history.length if declaration.history else 0
    recent = {c.name: inputs[c.name][:, -length:] for c in declaration.history_columns}
    outputs: dict[str, tf.Tensor | tf.RaggedTensor] = {}
    for column in declaration.features:
        target, history = inputs[column.name], recent.get(f"history_{column.name}")
        encode = _encoder(column, target)
        if history is None:
            outputs[column.name] = encode(target)
            continue
        both = encode(tf.concat([target, history.flat_values], axis=0))
        rows = tf.shape(target)[0]
        outputs[column.name] = both[:rows]
        outputs[f"history_{column.name}"] = history.with_flat_values(both[rows:])
    for derived in declaration.rate_columns:
        outputs[derived.name] = tf.cast(inputs[derived.name], tf.float32)
    if declaration.history is not None:
        kinds, ages = recent[HISTORY_TYPE.name], recent[HISTORY_AGE.name]
        outputs[HISTORY_TYPE.name] = kinds.with_flat_values(
            listed_rows(kinds.flat_values, list(declaration.history.types))
        )
        outputs[HISTORY_AGE.name] = ages.with_flat_values(_age_bucket(ages.flat_values))
        outputs[HISTORY_LENGTH] = tf.cast(kinds.row_lengths(), tf.int64)
        outputs |= history_summaries(declaration, kinds, ages) | history_matches(declaration, inputs, recent)
    return outputs


def resolved_features(declaration: Declaration, tft_output: tft.TFTransformOutput) -> FeatureSet:
    """The model's inputs, with the sizes that the analysis found."""
    columns = [c.name for c in declaration.features if c.encoding and c.encoding.kind == "vocabulary"]
    return feature_set(declaration, {name: tft_output.vocabulary_size_by_name(name) for name in columns})


def _encoder(column: Column, target: tf.Tensor) -> Callable[[tf.Tensor], tf.Tensor]:
    """The encoding of a column as a function of flat values, analysed on the target."""
    encoding = column.encoding
    assert encoding is not None
    if encoding.kind == "numeric":
        return _numeric(encoding.log, encoding.standardize, target)
    if encoding.kind == "vocabulary":
        rare = encoding.min_count if encoding.min_count > 1 else None
        file = tft.vocabulary(_text(target), frequency_threshold=rare, vocab_filename=column.name)
        return lambda values: 1 + tft.apply_vocabulary(_text(values), file, default_value=-1)
    size = encoding.size
    assert size is not None
    if encoding.kind == "hash":
        return lambda values: tf.strings.to_hash_bucket_fast(_text(values), size)
    if encoding.kind == "identity":
        return lambda values: identity_rows(values, size)
    edges = tft.quantiles(tf.cast(target, tf.float32), size, epsilon=min(0.01, 0.2 / size))
    return lambda values: tft.apply_buckets(tf.cast(values, tf.float32), edges)


def _numeric(log: bool, standardize: bool, target: tf.Tensor) -> Callable[[tf.Tensor], tf.Tensor]:
    def scaled(values: tf.Tensor) -> tf.Tensor:
        values = tf.cast(values, tf.float32)
        return tf.sign(values) * tf.math.log1p(tf.abs(values)) if log else values

    if not standardize:
        return scaled
    mean, variance = tft.mean(scaled(target)), tft.var(scaled(target))
    return lambda values: (scaled(values) - mean) * tf.where(variance > 0, tf.math.rsqrt(variance), 1.0)


def _text(values: tf.Tensor) -> tf.Tensor:
    return values if values.dtype == tf.string else tf.strings.as_string(values)


def _age_bucket(seconds: tf.Tensor) -> tf.Tensor:
    """`floor(log2(1 + seconds))`, within `[0, AGE_BUCKETS)`; exact at powers of two, unlike a logarithm."""
    edges = [float(2**power) for power in range(1, AGE_BUCKETS)]
    return tf.cast(tf.raw_ops.Bucketize(input=1.0 + seconds, boundaries=edges), tf.int64)
