"""Reads a unit of a log as RecordBatches of whatever types the file has; checks come later."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.csv as pcsv

from components.log_example_gen.errors import IngestError, one_line
from components.log_example_gen.files import UNREADABLE, Unit, open_stream
from components.log_example_gen.json_lines import JsonError, read_json_lines
from components.parquet import open_parquet
from components.workspace import Workspace
from schemas.declaration import Declaration

_BLOCK = 8 << 20


def read(
    unit: Unit, workspace: Workspace, declaration: Declaration, batch_rows: int
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yields (place in the file of the first row, at most `batch_rows` rows with the unit's columns).

    Raises:
      IngestError: the file is damaged.
    """
    row = unit.first_row
    readers = {"parquet": _parquet, "json": _json, "csv": _csv}
    try:
        for batch in readers[unit.format](unit, workspace, declaration, batch_rows):
            for start in range(0, batch.num_rows, batch_rows):
                part = batch.slice(start, batch_rows)
                yield row, part
                row += part.num_rows
    except (*UNREADABLE, JsonError) as error:
        raise IngestError(
            f"{unit.file} cannot be read as {unit.format} after row {row} ({one_line(error)}): replace or remove it"
        ) from None


def _parquet(unit: Unit, workspace: Workspace, declaration: Declaration, batch_rows: int) -> Iterator[pa.RecordBatch]:
    # Request ids are too many for a dictionary to pay.
    text = [c.name for c in declaration.columns if c.type == "string" and c.group != "request_id"]
    with workspace.fs.open_input_file(workspace.path(workspace.uri(unit.file))) as source:
        parquet = open_parquet(source, read_dictionary=text, pre_buffer=True)
        yield from parquet.iter_batches(batch_rows, row_groups=[unit.group], columns=list(unit.columns))


def _csv(unit: Unit, workspace: Workspace, declaration: Declaration, batch_rows: int) -> Iterator[pa.RecordBatch]:
    """All cells as bytes: one bad number must not fail its block, and bytes need not be UTF-8 yet."""
    convert = pcsv.ConvertOptions(
        column_types={name: pa.binary() for name in unit.columns},
        include_columns=list(unit.columns),
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )
    with open_stream(workspace, unit.file) as stream:
        reader = pcsv.open_csv(
            stream,
            read_options=pcsv.ReadOptions(block_size=_BLOCK),
            parse_options=pcsv.ParseOptions(newlines_in_values=True),
            convert_options=convert,
        )
        yield from reader


def _json(unit: Unit, workspace: Workspace, declaration: Declaration, batch_rows: int) -> Iterator[pa.RecordBatch]:
    with open_stream(workspace, unit.file) as stream:
        yield from read_json_lines(stream, declaration.log_schema)
