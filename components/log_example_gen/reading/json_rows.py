"""JSON objects of uneven types, one by one: for the few lines that hold them."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from scenerank.errors import DataError

_READ, _ODD = "_read", "_odd"
"""Fields of a column with odd values: those that the declared type may have, and the others as they were written."""
EXACT = 2.0**53
"""Up to here a float is one integer; beyond, several share it."""
Reader = Callable[[Any], Any]


class JsonError(DataError):
    """A line is not a JSON object."""


class Odd(str):
    """A value that the declared type does not have, as it was written: no cast takes it, the quarantine shows it."""


class _Number(str):
    """A number as it was written."""


def by_row(lines: bytes, schema: pa.Schema) -> pa.RecordBatch:
    """The columns of `schema` that occur; numbers are text, so that they lose no digit. See `parted`.

    Args:
      lines: a JSON object each; blank ones are passed over.

    Raises:
      JsonError: a line is none, or has a column twice.
    """
    readers = {field.name: _reader(field.type) for field in schema}
    rows = [_row(line, readers) for line in lines.split(b"\n") if line.strip()]
    names = [name for name in readers if any(name in row for row in rows)]
    return pa.RecordBatch.from_arrays([_column([row.get(name) for row in rows]) for name in names], names)


def parted(raw: pa.Array) -> tuple[pa.Array, pa.StringArray] | None:
    """A column of `by_row` with odd values: without them, and they alone, as they were written; None for any other."""
    if not pa.types.is_struct(raw.type) or [field.name for field in raw.type] != [_READ, _ODD]:
        return None
    return raw.field(0), raw.field(1)


def _row(line: bytes, readers: dict[str, Reader]) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs if name in readers]
            twice = next((name for name in names if names.count(name) > 1), None)
            if twice is not None:
                raise JsonError(f"a line has {twice!r} twice")
        return found

    try:
        row = json.loads(
            line.decode("utf-8", "surrogateescape"),
            object_pairs_hook=once,
            parse_int=_Number,
            parse_float=_Number,
            parse_constant=_Number,
        )
    except (json.JSONDecodeError, RecursionError) as error:
        raise JsonError(f"JSON parse error: {error}") from None
    if not isinstance(row, dict):
        raise JsonError("JSON parse error: a line is no object")
    return {name: readers[name](value) for name, value in row.items() if name in readers}


def _reader(kind: pa.DataType) -> Reader:
    """From a value to text that is cast to the declared kind, a list of such, or one that is odd."""
    if pa.types.is_list(kind):
        return functools.partial(_list, _reader(kind.value_type))
    return functools.partial(_scalar, pa.types.is_string(kind), pa.types.is_integer(kind))


def _list(reader: Reader, value: Any) -> list[Any] | Odd | None:
    if value is None:
        return None
    items = [reader(item) for item in value] if isinstance(value, list) else [Odd()]
    return Odd(_written(value)) if any(isinstance(item, Odd) for item in items) else items


def _scalar(text: bool, integer: bool, value: Any) -> bytes | Odd | None:
    if value is None:
        return None
    if isinstance(value, _Number):
        whole = value.lstrip("-").isdigit()
        if text:
            in_range = whole and len(value) <= 20 and -(2**63) <= int(value) < 2**63
            return str(int(value)).encode() if in_range else Odd(value)
        if integer and not whole:
            number = float(value)
            return str(int(number) if abs(number) <= EXACT and number.is_integer() else value).encode()
        return value.encode()
    if isinstance(value, str):
        return _bytes(value)
    if isinstance(value, bool) and not text:
        return b"1" if value else b"0"
    return Odd(_written(value))


def _written(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_written(name)}: {_written(inner)}' for name, inner in value.items())}}}"
    text = value if isinstance(value, _Number) else json.dumps(value, ensure_ascii=False)
    return _bytes(text).decode("utf-8", "replace")


def _bytes(text: str) -> bytes:
    """As it stood in the file, where it was not UTF-8; half a surrogate pair is none either."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _column(values: list[Any]) -> pa.Array:
    listed = any(isinstance(value, list) for value in values)
    kind = pa.list_(pa.binary()) if listed else pa.binary()
    if not any(isinstance(value, Odd) for value in values):
        return pa.array(values, kind)
    read = pa.array([None if isinstance(value, Odd) else value for value in values], kind)
    odd = pa.array([value if isinstance(value, Odd) else None for value in values], pa.string())
    return pa.StructArray.from_arrays([read, odd], [_READ, _ODD])
