"""Rows of tables that follow from the declaration alone, and the inputs of bias nets, which have no others.

Row 0 stands for every value that has none of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import tensorflow as tf

from scenerank.schemas import Column, Declaration


def identity_rows(values: tf.Tensor, size: int) -> tf.Tensor:
    """1 + each whole number below `size`; int64, shape of `values`."""
    return tf.where((values >= 0) & (values < size), 1 + values, 0)


def listed_rows(values: tf.Tensor, listed: Sequence[int | float | str]) -> tf.Tensor:
    """1 + the place of each value among those listed; int64 `[N]`, as `values`."""
    hits = tf.cast(tf.equal(values[:, tf.newaxis], tf.constant(list(listed), values.dtype)), tf.int64)
    return tf.reduce_sum(hits * tf.range(1, len(listed) + 1, dtype=tf.int64), axis=1)


def bias_rows(declaration: Declaration, raw: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """The bias columns as `schemas.bias.BiasFeature` says, int64 `[B]` each.

    Args:
      raw: columns of the log, `[B]`.
    """
    return {column.name: _rows(column, raw[column.name]) for column in declaration.bias_columns}


def _rows(column: Column, values: tf.Tensor) -> tf.Tensor:
    encoding = column.encoding
    assert encoding is not None
    if encoding.kind == "identity":
        assert encoding.size is not None
        return identity_rows(values, encoding.size)
    return listed_rows(values, column.values or ())
