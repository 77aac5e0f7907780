"""Casts of a raw column to its declared type, value by value: a mask of failures instead of an exception."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scenerank.components.hashing import is_null, numpy_of
from scenerank.components.log_example_gen.checking.decimals import decimal_text
from scenerank.components.log_example_gen.reading.json_rows import EXACT, parted
from scenerank.schemas.columns import Column

_INTEGER = r"^-?[0-9]+$"
_NUMBER = (
    r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$|^[+-]?([nN][aA][nN]|[iI][nN][fF]([iI][nN][iI][tT][yY])?)$"
)
_LONGEST_SURE = 18
_LARGEST = str(np.iinfo(np.int64).max)
_WRONG = {"int64": "not an integer", "float32": "not a number", "string": "not text"}


@dataclasses.dataclass(frozen=True)
class Cast:
    """A column in its declared type.

    Attributes:
      values: int64, float32 or dictionary<int32, string> `[N]`; null where the raw value was null or failed.
      failed: bool `[N]`, the raw value does not have the declared type.
      rule: what those break, for people.
      undecodable: bool `[N]`, text that is not UTF-8.
    """

    values: pa.Array
    failed: np.ndarray
    rule: str
    undecodable: np.ndarray


def cast(raw: pa.Array, column: Column) -> Cast:
    """Casts what is lossless; what is not is refused, value by value.

    Integers of any width, booleans, integral floats up to 2^53, integral decimals, time stamps (as milliseconds) and
    decimal text become int64; numbers and decimal text become float32; text, integers and decimals (with the digits
    that they have) become strings. Floats do not: 12.0 is "12" to one writer and "12.0" to another, and an id that has
    two texts is two ids.
    """
    nothing = np.zeros(len(raw), bool)
    rule = _WRONG[column.type]
    if (parts := parted(raw)) is not None:
        done = cast(parts[0], column)
        return dataclasses.replace(done, failed=done.failed | ~is_null(parts[1]))
    if pa.types.is_null(raw.type):
        return Cast(_nulls(len(raw), column), nothing, rule, nothing)
    if pa.types.is_dictionary(raw.type) and not is_text(raw.type.value_type):
        raw = raw.dictionary_decode()
    if pa.types.is_dictionary(raw.type) or is_text(raw.type):
        text, undecodable = _decode(_encode(raw))
        if column.type == "string":
            return Cast(text, nothing, rule, undecodable)
        values, ok = (_parse_integers if column.type == "int64" else _parse_numbers)(text.dictionary)
        failed = _spread(~ok, text.indices) if len(ok) else nothing
        return Cast(values.take(text.indices), failed, rule, undecodable)
    values, failed = _from_numbers(raw, column)
    return Cast(values, failed, rule, nothing)


def as_binary(text: pa.Array) -> pa.Array:
    """Any text or bytes as `binary`."""
    return (
        text.cast(pa.large_binary()).cast(pa.binary())
        if pa.types.is_large_string(text.type)
        else text.cast(pa.binary())
    )


def is_text(kind: pa.DataType) -> bool:
    """Whether values of this Arrow type are text or bytes."""
    return any(
        check(kind)
        for check in (
            pa.types.is_string,
            pa.types.is_large_string,
            pa.types.is_binary,
            pa.types.is_large_binary,
            pa.types.is_fixed_size_binary,
        )
    )


def _nulls(rows: int, column: Column) -> pa.Array:
    empty = pa.nulls(rows, column.arrow_type)
    return empty.dictionary_encode() if column.type == "string" else empty


def _encode(raw: pa.Array) -> pa.DictionaryArray:
    """Dictionary-encoded, so that what follows pays once a value where the file has a dictionary.

    Where it has none, each row gets its own entry: that is cheaper than finding the distinct ones.
    """
    if pa.types.is_dictionary(raw.type):
        if not raw.dictionary.null_count:
            return raw
        raw = raw.dictionary_decode()
    indices = pa.array(np.arange(len(raw), dtype=np.int32), mask=is_null(raw) if raw.null_count else None)
    return pa.DictionaryArray.from_arrays(indices, as_binary(raw).fill_null(b""))


def _decode(encoded: pa.DictionaryArray) -> tuple[pa.DictionaryArray, np.ndarray]:
    """The same over valid UTF-8; null and True in the mask where it was not."""
    distinct = as_binary(encoded.dictionary)
    bad = np.zeros(len(distinct), bool)
    _find_undecodable(distinct, 0, bad)
    indices = encoded.indices.cast(pa.int32())
    if not bad.any():
        return pa.DictionaryArray.from_arrays(indices, distinct.cast(pa.string())), np.zeros(len(encoded), bool)
    mask = _spread(bad, indices)
    distinct = pc.if_else(pa.array(bad), pa.scalar(b"", pa.binary()), distinct).cast(pa.string())
    indices = pc.if_else(pa.array(mask), pa.scalar(None, pa.int32()), indices)
    return pa.DictionaryArray.from_arrays(indices, distinct), mask


def _find_undecodable(values: pa.Array, start: int, bad: np.ndarray) -> None:
    """Halves only what fails, down to single values."""
    try:
        values.cast(pa.string())
    except pa.ArrowInvalid:
        if len(values) == 1:
            bad[start] = True
            return
        half = len(values) // 2
        _find_undecodable(values[:half], start, bad)
        _find_undecodable(values[half:], start + half, bad)


def _spread(mask: np.ndarray, indices: pa.Array) -> np.ndarray:
    """A mask over distinct values as one over rows; False for nulls."""
    if not len(mask):
        return np.zeros(len(indices), bool)
    return mask[numpy_of(indices)] & ~is_null(indices)


def _matches(text: pa.Array, pattern: str) -> np.ndarray:
    return pc.match_substring_regex(text, pattern).to_numpy(zero_copy_only=False).astype(bool)


def _parse_integers(text: pa.Array) -> tuple[pa.Array, np.ndarray]:
    ok = _matches(text, _INTEGER)
    digits = pc.utf8_ltrim(text, "-0")
    lengths = pc.utf8_length(digits).to_numpy(zero_copy_only=False)
    small = pc.less_equal(digits, _LARGEST).to_numpy(zero_copy_only=False)
    ok &= (lengths <= _LONGEST_SURE) | ((lengths == len(_LARGEST)) & small)
    return _parsed(text, ok, pa.int64()), ok


def _parse_numbers(text: pa.Array) -> tuple[pa.Array, np.ndarray]:
    ok = _matches(text, _NUMBER)
    return _parsed(pc.utf8_ltrim(text, "+"), ok, pa.float64()).cast(pa.float32(), safe=False), ok


def _parsed(text: pa.Array, ok: np.ndarray, kind: pa.DataType) -> pa.Array:
    """Numbers of the texts that are such, null for the others: Arrow 18 at times parses what lies behind a null."""
    values = pc.if_else(pa.array(ok), text, pa.scalar("0")).cast(kind)
    return pa.array(numpy_of(values), kind, mask=~ok)


def _from_numbers(raw: pa.Array, column: Column) -> tuple[pa.Array, np.ndarray]:
    kind = raw.type
    if pa.types.is_decimal(kind):
        return _from_decimals(decimal_text(raw), column)
    casts = {"int64": _to_integers, "float32": _to_numbers, "string": _to_text}
    try:
        done = casts[column.type](raw, kind)
    except pa.ArrowNotImplementedError:  # a type newer than Arrow's casts of it
        done = None
    return done or (_nulls(len(raw), column), ~is_null(raw))


def _from_decimals(text: pa.StringArray, column: Column) -> tuple[pa.Array, np.ndarray]:
    null = is_null(text)
    if column.type == "string":
        return text.dictionary_encode(), np.zeros(len(text), bool)
    if column.type == "int64":
        text = pc.replace_substring_regex(text, r"\.0*$", "")
    values, ok = (_parse_integers if column.type == "int64" else _parse_numbers)(text.fill_null("0"))
    return pc.if_else(pa.array(null), pa.scalar(None, values.type), values), ~ok & ~null


def _to_integers(raw: pa.Array, kind: pa.DataType) -> tuple[pa.Array, np.ndarray] | None:
    nothing = np.zeros(len(raw), bool)
    if pa.types.is_timestamp(kind):
        return raw.cast(pa.timestamp("ms", kind.tz), safe=False).cast(pa.int64()), nothing
    if pa.types.is_boolean(kind):
        return raw.cast(pa.int64()), nothing
    if pa.types.is_integer(kind):
        failed = numpy_of(raw) > np.iinfo(np.int64).max if pa.types.is_uint64(kind) else nothing
        return _without(raw, failed).cast(pa.int64()), failed
    if pa.types.is_floating(kind):
        values = numpy_of(raw.cast(pa.float64()))
        with np.errstate(invalid="ignore"):
            failed = ~((np.abs(values) <= EXACT) & (np.floor(values) == values))
        return _without(raw.cast(pa.float64()), failed).cast(pa.int64()), failed
    return None


def _to_numbers(raw: pa.Array, kind: pa.DataType) -> tuple[pa.Array, np.ndarray] | None:
    nothing = np.zeros(len(raw), bool)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return raw.cast(pa.float32(), safe=False), nothing
    if pa.types.is_boolean(kind):
        return raw.cast(pa.int64()).cast(pa.float32()), nothing
    return None


def _to_text(raw: pa.Array, kind: pa.DataType) -> tuple[pa.Array, np.ndarray] | None:
    if pa.types.is_integer(kind):
        return raw.cast(pa.string()).dictionary_encode(), np.zeros(len(raw), bool)
    return None


def _without(raw: pa.Array, failed: np.ndarray) -> pa.Array:
    return pc.if_else(pa.array(failed), pa.scalar(None, raw.type), raw) if failed.any() else raw
