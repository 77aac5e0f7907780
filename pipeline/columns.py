"""Files of raw features as the columns that the signatures `predict` and `rank` take."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.json

from components.errors import DataRefused
from components.parquet import open_parquet
from schemas import HISTORY_LENGTH, Declaration

KINDS: dict[str, tuple[type, Any]] = {"int64": (np.int64, 0), "float32": (np.float32, 0.0), "string": (object, b"")}
"""NumPy's type of a declared one, and what stands for nothing."""


def read_table(source: str) -> pa.Table:
    """A JSON Lines (.jsonl, .jsonl.gz) or Parquet file.

    Raises:
      DataRefused: there is no such file, or it cannot be read.
    """
    if not os.path.exists(source):
        raise DataRefused(f"{source} does not exist: give a .jsonl, .jsonl.gz or .parquet file")
    try:
        if source.endswith(".parquet"):
            return open_parquet(source).read()
        with pa.input_stream(source, compression="detect") as stream:
            return pyarrow.json.read_json(stream)
    except pa.ArrowInvalid as error:
        raise DataRefused(f"{source} cannot be read: {str(error).splitlines()[0]}; mend or replace it") from None


def check(declaration: Declaration, table: pa.Table, source: str) -> None:
    """Whether the table has what the model needs.

    Raises:
      DataRefused: a required column is absent.
    """
    missing = [c.name for c in declaration.features if c.required and c.name not in table.column_names]
    if missing:
        raise DataRefused(f"{source} lacks column {missing[0]!r}, which the model needs: add it")


def columns(declaration: Declaration, table: pa.Table) -> dict[str, np.ndarray]:
    """Inputs of `predict`: features and rates `[N]`, histories `[N, L]`, `history_length` `[N]`.

    What is absent or null takes its declared default, a rate 0, a history is empty; L is at least 1.
    """
    out = {c.name: _flat(table, c.name, *KINDS[c.type], c.fill) for c in declaration.features}
    out |= {d.name: _flat(table, d.name, *KINDS[d.type], 0.0) for d in declaration.rate_columns}
    listed = [d for d in declaration.history_columns if d.name in table.column_names]
    for d in declaration.history_columns:
        kind, empty = KINDS[d.type]
        blank = np.full((table.num_rows, 1), empty, kind)
        out[d.name] = _padded(table.column(d.name), kind, empty) if d in listed else blank
    if declaration.history is not None:
        none = np.zeros(table.num_rows, np.int64)
        out[HISTORY_LENGTH] = _lengths(table.column(listed[0].name)) if listed else none
    return out


def _flat(table: pa.Table, name: str, kind: type, empty: Any, fill: Any) -> np.ndarray:
    if name not in table.column_names:
        return np.full(table.num_rows, fill, kind)
    column = table.column(name).combine_chunks()
    column = column.cast(pa.string() if empty == b"" else pa.from_numpy_dtype(kind)).fill_null(fill)
    return column.to_numpy(zero_copy_only=False)


def _lengths(column: pa.ChunkedArray) -> np.ndarray:
    lengths = pyarrow.compute.list_value_length(column.combine_chunks())
    return lengths.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)


def _padded(column: pa.ChunkedArray, kind: type, empty: Any) -> np.ndarray:
    """Lists -> `[N, L]`, the real values first, `empty` behind them."""
    lengths = _lengths(column)
    flat = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
    out = np.full((len(lengths), max(int(lengths.max(initial=0)), 1)), empty, kind)
    out[np.arange(out.shape[1]) < lengths[:, None]] = flat
    return out
