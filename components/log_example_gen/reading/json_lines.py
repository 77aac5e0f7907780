"""JSON Lines to RecordBatches, by Arrow's parser, where a value of the wrong type costs only itself."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.json as pj

from scenerank.components.json_text import blocks
from scenerank.components.log_example_gen.reading.formats import BOM
from scenerank.components.log_example_gen.reading.json_rows import JsonError, by_row

_FEW = 1024
"""Lines that are not parted further, but read one by one."""


def read_json_lines(stream: pa.NativeFile, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Batches with the columns of `schema` that occur, in types that hold their values as they were written.

    Arrow fails on a block in which a field is now a number, now a text, and rounds integers among fractions. Such a
    block is halved until each part is uniform or small; a small one is read row by row, see `by_row`.

    Raises:
      JsonError: a line that is not one JSON object, or longer or nested deeper than `components.json_text` allows.
    """
    try:
        for number, lines in enumerate(blocks(stream)):
            yield from _parse(lines if number else lines.removeprefix(BOM), schema)
    except pa.ArrowInvalid as error:
        raise JsonError(str(error)) from None


def _parse(lines: bytes, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    lines = lines.strip(b"\r\n")
    if not lines.strip():
        return
    rows = _rows(lines)
    table = _uniform(lines, schema)
    if table is not None:
        if table.num_rows != rows:
            raise JsonError(f"{rows:,} lines hold {table.num_rows:,} objects, not one each")
        yield from table.combine_chunks().to_batches()
    elif rows <= _FEW:
        yield by_row(lines, schema)
    else:
        middle = lines.index(b"\n", len(lines) // 2) if b"\n" in lines[len(lines) // 2 :] else lines.rindex(b"\n")
        yield from _parse(lines[:middle], schema)
        yield from _parse(lines[middle:], schema)


def _rows(lines: bytes) -> int:
    return sum(1 for line in lines.split(b"\n") if line.strip())


def _uniform(lines: bytes, schema: pa.Schema) -> pa.Table | None:
    """The lines as Arrow reads them; None where it fails, or would change a value."""
    try:
        return _read(lines, pa.schema([f.with_nullable(True) for f in schema]), "ignore")
    except pa.ArrowInvalid:
        pass
    try:
        table = _read(lines, pa.schema([]), "infer")
        # Text that looks like a date must stay as it was written.
        dates = [f.with_type(pa.string()) for f in table.schema if pa.types.is_timestamp(f.type)]
        if dates:
            table = _read(lines, pa.schema(dates), "infer")
        table = table.select([name for name in table.column_names if name in schema.names])
    except (pa.ArrowInvalid, UnicodeDecodeError):  # the second of a name
        return None
    return table if all(_kept(field.type, schema.field(field.name).type) for field in table.schema) else None


def _kept(found: pa.DataType, wanted: pa.DataType) -> bool:
    """Whether an inferred type holds what was written: a float may stand for an integer that it is not."""
    if pa.types.is_list(found) and pa.types.is_list(wanted):
        return _kept(found.value_type, wanted.value_type)
    if pa.types.is_floating(found):
        return pa.types.is_floating(wanted)
    return not pa.types.is_timestamp(found)


def _read(lines: bytes, schema: pa.Schema, unexpected: str) -> pa.Table:
    return pj.read_json(
        io.BytesIO(lines),
        read_options=pj.ReadOptions(use_threads=False, block_size=max(len(lines), 1)),
        parse_options=pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior=unexpected),
    )
