"""Stable 64-bit hashes of columns and rows; the same on every machine, in every run.

`pandas.util.hash_array` has the same values for integers, but reads text a value at a time (4 million ids a second,
here 29, by `tf.fingerprint` 15), takes a null for the text "nan", tells -0.0 from 0.0, and does not promise that values
stay. A day is divided into files by these hashes: with others, equal logs would not give equal files.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_NULL = np.uint64(0x9E3779B97F4A7C15)
_MULTIPLIER = np.uint64(0xD1342543DE82EF95)
_WORD = 8
_MASKS = np.array([(1 << 8 * used) - 1 for used in range(_WORD + 1)], np.uint64)


def mix(x: np.ndarray) -> np.ndarray:
    """Finalizer of SplitMix64, uint64 `[N]` to uint64 `[N]`."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def hash_column(column: pa.Array) -> np.ndarray:
    """uint64 `[N]` of a column of int64, float32 or (dictionary-encoded) text; a null has a value of its own."""
    if pa.types.is_dictionary(column.type):
        distinct = hash_text(column.dictionary)
        values = distinct[numpy_of(column.indices)] if len(distinct) else np.full(len(column), _NULL)
    elif pa.types.is_string(column.type):
        values = hash_text(column)
    elif pa.types.is_floating(column.type):
        # 0.0 is added because -0.0 equals 0.0.
        values = mix((numpy_of(column).astype(np.float32) + np.float32(0)).view(np.uint32).astype(np.uint64))
    else:
        values = mix(numpy_of(column).astype(np.int64).view(np.uint64))
    return np.where(is_null(column), _NULL, values) if column.null_count else values


def hash_text(text: pa.StringArray) -> np.ndarray:
    """uint64 `[N]`: length, then eight bytes at a time, each mixed in."""
    if not len(text):
        return np.zeros(0, np.uint64)
    _, offsets, data = text.buffers()
    bounds = np.frombuffer(offsets, np.int32)[text.offset : text.offset + len(text) + 1].astype(np.int64)
    start, length = bounds[:-1] - bounds[0], np.diff(bounds)
    padded = np.zeros(bounds[-1] - bounds[0] + _WORD, np.uint8)
    if data is not None:
        padded[:-_WORD] = np.frombuffer(data, np.uint8)[bounds[0] : bounds[-1]]
    words: np.ndarray = np.ndarray(len(padded) - _WORD + 1, "<u8", padded, strides=(1,))
    values = mix(length.astype(np.uint64) + _NULL)
    for at in range(0, int(length.max()), _WORD):
        left = length - at
        rows = slice(None) if left.min() > 0 else np.flatnonzero(left > 0)
        word = words[start[rows] + at] & _MASKS[np.minimum(left[rows], _WORD)]
        values[rows] = mix(values[rows] * _MULTIPLIER + word)
    return values


def combine(hashes: Sequence[np.ndarray]) -> np.ndarray:
    """One hash of several, uint64 `[N]` each; their order counts."""
    total = np.zeros(len(hashes[0]), np.uint64)
    for part in hashes:
        total = mix(total * _MULTIPLIER + part + np.uint64(1))
    return total


def numpy_of(column: pa.Array) -> np.ndarray:
    """Values of a primitive column, zero where null."""
    return (column.fill_null(0) if column.null_count else column).to_numpy(zero_copy_only=False)


def is_null(column: pa.Array) -> np.ndarray:
    """bool `[N]`."""
    if not column.null_count:
        return np.zeros(len(column), bool)
    return pc.is_null(column).to_numpy(zero_copy_only=False)
