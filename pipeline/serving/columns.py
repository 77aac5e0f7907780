"""Files of raw features as the columns that the signatures `predict` and `rank` take."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.json
from pyarrow import fs

from scenerank.components.json_text import blocks
from scenerank.components.log_example_gen import rows as ingestion
from scenerank.components.parquet import open_parquet
from scenerank.errors import DataError, one_line
from scenerank.pipeline.serving.typed import input_schema, typed
from scenerank.schemas import HISTORY_LENGTH, Declaration

KINDS: dict[str, tuple[type, Any]] = {"int64": (np.int64, 0), "float32": (np.float32, 0.0), "string": (object, b"")}
"""NumPy's type of a declared one, and what stands for nothing."""
LARGEST = 2 << 30
"""Bytes of a file's values, inflated: all of them are held in memory."""
ROWS = 1024
Part = TypeVar("Part", bytes, pa.RecordBatch)


@dataclasses.dataclass(frozen=True)
class Rows:
    """The rows of a file.

    Attributes:
      format: of the file.
      given: Parquet, CSV: all columns as the file has them, those of CSV as bytes. JSON Lines: one column, the text of
        each row.
      read: what the model reads of them, in declared types; what the file does not have is not there.
    """

    format: ingestion.Format
    given: pa.Table
    read: pa.Table


def read_rows(source: str, declaration: Declaration) -> Rows:
    """Reads a file of any kind that a log may have, as ingestion does.

    Raises:
      DataError: there is no such file, it cannot be read, or it has a value that ingestion would refuse.
    """
    schema = input_schema(declaration)
    format, given = _given(source)
    batches: Iterator[pa.RecordBatch] = iter(given.to_batches())
    if format == "json":
        text = b"\n".join(given.column(0).to_pylist())
        schema = pa.schema([field for field in schema if f'"{field.name}"'.encode() in text])
        batches = ingestion.read_json_lines(pa.BufferReader(text), schema)
    schema = pa.schema([field for field in schema if format == "json" or field.name in given.column_names])
    done, first = [], 0
    try:
        for batch in batches:
            raw = dict.fromkeys(schema.names, pa.nulls(batch.num_rows)) | dict(zip(batch.schema.names, batch.columns))
            values = typed(declaration, raw, source, first)
            done.append(pa.RecordBatch.from_arrays([values[name] for name in schema.names], schema=schema))
            first += batch.num_rows
    except ingestion.JsonError as error:
        raise _unreadable(source, error) from None
    return Rows(format, given, pa.Table.from_batches(done, schema))


def read_table(source: str, declaration: Declaration | None = None) -> pa.Table:
    """What a model reads of a file, see `read_rows`; without a declaration all columns, as Arrow understands them.

    Raises:
      DataError: as `read_rows`.
    """
    if declaration is not None:
        return read_rows(source, declaration).read
    format, given = _given(source)
    if format != "json":
        return given
    try:
        return pyarrow.json.read_json(pa.BufferReader(b"\n".join(given.column(0).to_pylist())))
    except pa.ArrowInvalid as error:
        raise _unreadable(source, error) from None


def _given(source: str) -> tuple[ingestion.Format, pa.Table]:
    """The format of a file, and what `Rows.given` is."""
    if not os.path.exists(source):
        raise DataError(
            f"{source} does not exist: give a file, {', '.join(ingestion.FORMATS)}, the text files also .gz"
        )
    format, disk = ingestion.format_of(source), fs.LocalFileSystem()
    try:
        if format == "parquet":
            file = open_parquet(source)
            names = file.schema_arrow.names
            ingestion.once(names, names, source)
            return format, pa.Table.from_batches(_bounded(file.iter_batches(ROWS), source), file.schema_arrow)
        head = ingestion.head_of(disk, source, source)
        with ingestion.open_text(disk, source, source) as stream:
            if format == "csv":
                names = ingestion.csv_names(head, source)
                ingestion.once(names, names, source)
                schema = pa.schema([(name, pa.binary()) for name in names])
                return format, pa.Table.from_batches(_bounded(ingestion.read_csv(stream, names), source), schema)
            lines = b"\n".join(_bounded(blocks(stream), source)).removeprefix(ingestion.BOM).split(b"\n")
        return format, pa.table({"line": pa.array([line for line in lines if line.strip()], pa.large_binary())})
    except ingestion.UNREADABLE as error:
        raise _unreadable(source, error) from None


def _unreadable(source: str, error: Exception) -> DataError:
    return DataError(f"{source} cannot be read: {one_line(error)}; mend or replace it")


def _bounded(parts: Iterator[Part], source: str) -> Iterator[Part]:
    """The parts, as long as memory has room for all of them."""
    total = 0
    for part in parts:
        total += len(part) if isinstance(part, bytes) else part.nbytes
        if total > LARGEST:
            raise DataError(f"{source} holds more than {LARGEST >> 30} GiB when read: split it")
        yield part


def check(declaration: Declaration, table: pa.Table, source: str) -> None:
    """Whether the table has what the model needs.

    Raises:
      DataError: a required column is absent.
    """
    missing = [c.name for c in declaration.features if c.required and c.name not in table.column_names]
    if missing:
        raise DataError(f"{source} lacks column {missing[0]!r}, which the model needs: add it")


def columns(
    declaration: Declaration, table: pa.Table, source: str = "the table", first: int = 0
) -> dict[str, np.ndarray]:
    """Inputs of `predict`: features and rates `[N]`, histories `[N, L]`, `history_length` `[N]`.

    What is absent or null takes its declared default, a rate 0, a history is empty; L is at least 1.

    Args:
      table: columns in any Arrow type.
      source: what messages call the table.
      first: place of its first row in the source.

    Raises:
      DataError: a value that ingestion would refuse.
    """
    wanted = [name for name in input_schema(declaration).names if name in table.column_names]
    known = typed(declaration, {name: table.column(name).combine_chunks() for name in wanted}, source, first)
    out = {c.name: _flat(known, c.name, KINDS[c.type][0], c.fill, table.num_rows) for c in declaration.features}
    out |= {d.name: _flat(known, d.name, np.float32, 0.0, table.num_rows) for d in declaration.rate_columns}
    listed = [known[d.name] for d in declaration.history_columns if d.name in known]
    for d in declaration.history_columns:
        kind, empty = KINDS[d.type]
        blank: np.ndarray = np.full((table.num_rows, 1), empty, kind)
        out[d.name] = _padded(known[d.name], kind, empty) if d.name in known else blank
    if declaration.history is not None:
        out[HISTORY_LENGTH] = _lengths(listed[0]) if listed else np.zeros(table.num_rows, np.int64)
    return out


def _flat(known: dict[str, pa.Array], name: str, kind: type, fill: Any, rows: int) -> np.ndarray:
    if name not in known:
        return np.full(rows, fill, kind)
    return known[name].fill_null(fill).to_numpy(zero_copy_only=False)


def _lengths(column: pa.ListArray) -> np.ndarray:
    lengths = pyarrow.compute.list_value_length(column)
    return lengths.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)


def _padded(column: pa.ListArray, kind: type, empty: Any) -> np.ndarray:
    """Lists -> `[N, L]`, the real values first, `empty` behind them."""
    lengths = _lengths(column)
    flat = column.flatten().to_numpy(zero_copy_only=False)
    out: np.ndarray = np.full((len(lengths), max(int(lengths.max(initial=0)), 1)), empty, kind)
    out[np.arange(out.shape[1]) < lengths[:, None]] = flat
    return out
