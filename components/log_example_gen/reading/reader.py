"""Reads a slice of a log as RecordBatches of whatever types the file has; checks come later."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.csv as pcsv

from scenerank.components.log_example_gen.reading.files import LogSlice
from scenerank.components.log_example_gen.reading.formats import UNREADABLE, open_text
from scenerank.components.log_example_gen.reading.json_lines import JsonError, read_json_lines
from scenerank.components.parquet import open_parquet
from scenerank.components.workspace import Workspace
from scenerank.errors import DataError, one_line
from scenerank.schemas.declaration import Declaration

_BLOCK = 8 << 20


def read(
    log_slice: LogSlice, workspace: Workspace, declaration: Declaration, batch_rows: int
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yields (place in the file of the first row, at most `batch_rows` rows with the slice's columns).

    Raises:
      DataError: the file is damaged.
    """
    row = log_slice.first_row
    try:
        for batch in _batches(log_slice, workspace, declaration, batch_rows):
            for start in range(0, batch.num_rows, batch_rows):
                part = batch.slice(start, batch_rows)
                yield row, part
                row += part.num_rows
    except (*UNREADABLE, JsonError) as error:
        raise DataError(
            f"{log_slice.file} cannot be read as {log_slice.format} after row {row} ({one_line(error)}): "
            "replace or remove it"
        ) from None


def _batches(
    log_slice: LogSlice, workspace: Workspace, declaration: Declaration, batch_rows: int
) -> Iterator[pa.RecordBatch]:
    path = workspace.path(workspace.uri(log_slice.file))
    if log_slice.format == "parquet":
        # Ids of requests and events are too many for a dictionary to pay.
        ids = ("request_id", "event_id")
        text = [c.name for c in declaration.columns if c.type == "string" and c.group not in ids]
        with workspace.fs.open_input_file(path) as source:
            layout = open_parquet(source)
            plain = {layout.schema.column(leaf).path for leaf in range(len(layout.schema))}
            encoded = [name for name in text if name in plain]
            parquet = open_parquet(source, read_dictionary=encoded, pre_buffer=True, metadata=layout.metadata)
            yield from parquet.iter_batches(batch_rows, row_groups=[log_slice.group], columns=list(log_slice.columns))
        return
    with open_text(workspace.fs, path, log_slice.file) as stream:
        if log_slice.format == "csv":
            yield from read_csv(stream, log_slice.columns)
        else:
            yield from read_json_lines(stream, declaration.log_schema)


def read_csv(stream: pa.NativeFile, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Batches of some columns; all cells as bytes: one bad number must not fail its block, and bytes need not be UTF-8
    yet. An empty cell is null, an empty text in quotes is not."""
    convert = pcsv.ConvertOptions(
        column_types={name: pa.binary() for name in columns},
        include_columns=list(columns),
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )
    read_options = pcsv.ReadOptions(block_size=_BLOCK)
    yield from pcsv.open_csv(stream, read_options, pcsv.ParseOptions(newlines_in_values=True), convert)
