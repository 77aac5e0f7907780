"""JSON Lines to RecordBatches, by Arrow's parser, where a value of the wrong type costs only its neighbours."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.json as pj

_BLOCK = 8 << 20


class JsonError(ValueError):
    """A line is not a JSON object."""


def read_json_lines(stream: pa.NativeFile, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Batches with the columns of `schema` that occur, in the types they have.

    Arrow fails on a block in which a field is now a number, now a string. Such a block is halved until
    each part is uniform, so one odd value costs a few re-reads and not the file.

    Raises:
      JsonError: a line that is no JSON object.
    """
    rest = b""
    while chunk := stream.read(_BLOCK):
        lines, newline, rest = (rest + chunk).rpartition(b"\n")
        if newline:
            yield from _parse(lines, schema)
    if rest:
        yield from _parse(rest, schema)


def _parse(lines: bytes, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    if not lines.strip():
        return
    try:
        table = _declared(lines, schema)
    except pa.ArrowInvalid:
        try:
            table = _inferred(lines, schema)
        except pa.ArrowInvalid as error:
            middle = _middle(lines)
            if middle is None:
                raise JsonError(str(error)) from None
            table = None
    if table is not None:
        yield from table.combine_chunks().to_batches()
        return
    yield from _parse(lines[:middle], schema)
    yield from _parse(lines[middle:], schema)


def _middle(lines: bytes) -> int | None:
    """Where to halve: after a line's end; None if there is one line."""
    lines = lines.rstrip()
    at = lines.find(b"\n", len(lines) // 2)
    if at < 0:
        at = lines.rfind(b"\n")
    return at + 1 if at >= 0 and lines[:at].strip() else None


def _read(lines: bytes, schema: pa.Schema, unexpected: str) -> pa.Table:
    return pj.read_json(
        io.BytesIO(lines),
        read_options=pj.ReadOptions(use_threads=False, block_size=max(len(lines), 1)),
        parse_options=pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior=unexpected),
    )


def _declared(lines: bytes, schema: pa.Schema) -> pa.Table:
    return _read(lines, pa.schema([f.with_nullable(True) for f in schema]), "ignore")


def _inferred(lines: bytes, schema: pa.Schema) -> pa.Table:
    table = _read(lines, pa.schema([]), "infer")
    # Text that looks like a date must stay as it was written.
    dates = [f.with_type(pa.string()) for f in table.schema if pa.types.is_timestamp(f.type)]
    if dates:
        table = _read(lines, pa.schema(dates), "infer")
    table = table.select([name for name in table.column_names if name in schema.names])
    for field in table.schema:
        wanted = schema.field(field.name).type
        if table.num_rows > 1 and pa.types.is_integer(wanted) and pa.types.is_floating(field.type):
            # Integers among fractions would lose digits above 2^53.
            raise pa.ArrowInvalid(f"{field.name} holds integers and fractions")
    return table
