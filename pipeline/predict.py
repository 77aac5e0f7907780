"""`scenerank predict`: a file of raw features -> the same file with probabilities."""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.json
import pyarrow.parquet as pq

from components.errors import DataRefused
from components.pusher.push import LINEAGE
from components.workspace import Workspace
from schemas import HISTORY_LENGTH, Declaration, load_declaration

BATCH = 4096
PROBABILITY = "probability"


def predict_file(root: str, source: str, target: str, version: int | None = None) -> str:
    """Scores every row of a JSON Lines or Parquet file.

    Columns are the declaration's features; optional ones, rates and histories (lists, oldest first) may be
    absent and then count as unknown.

    Returns:
      A sentence on what was done.

    Raises:
      DataRefused: no such version or file, or a required column is absent.
    """
    workspace = Workspace(root)
    served = workspace.served() if version is None else version
    if served is None:
        raise DataRefused(f"no model in {workspace.uri('models')}: run a day first")
    if served not in workspace.versions():
        known = ", ".join(map(str, workspace.versions())) or "none"
        raise DataRefused(f"no version {served} in {workspace.uri('models')}; there are: {known}")
    lineage = workspace.read_json(f"{workspace.model(served)}/{LINEAGE}")
    declaration = load_declaration(lineage["config"]["declaration"])
    table = _read(source)
    scores = score_table(workspace.model(served), declaration, table, source)
    if PROBABILITY in table.column_names:
        table = table.drop([PROBABILITY])
    _write(table.append_column(PROBABILITY, pa.array(scores)), target)
    return f"{table.num_rows} rows scored with version {served}: {target}"


def score_table(model: str, declaration: Declaration, table: pa.Table, source: str) -> np.ndarray:
    """Probabilities, float32 `[N]`, through the signature `predict` of a SavedModel directory."""
    import tensorflow as tf

    loaded = tf.saved_model.load(model)
    signature = loaded.signatures["predict"]
    _, specs = signature.structured_input_signature
    missing = [c.name for c in declaration.features if c.required and c.name not in table.column_names]
    if missing:
        raise DataRefused(f"{source} lacks column {missing[0]!r}, which the model needs: add it")
    scores = [np.zeros(0, np.float32)]
    for start in range(0, table.num_rows, BATCH):
        batch = table.slice(start, BATCH)
        inputs = {
            name: tf.constant(_tensor(declaration, batch, name, spec), spec.dtype) for name, spec in specs.items()
        }
        scores.append(signature(**inputs)[PROBABILITY].numpy().reshape(-1))
    return np.concatenate(scores)


def _tensor(declaration: Declaration, batch: pa.Table, name: str, spec) -> np.ndarray:
    kind = spec.dtype.as_numpy_dtype
    empty = b"" if np.dtype(kind) == np.object_ else kind()
    rows = batch.num_rows
    if name == HISTORY_LENGTH:
        listed = [c.name for c in declaration.history_columns if c.name in batch.column_names]
        return _lengths(batch.column(listed[0])) if listed else np.zeros(rows, np.int64)
    if spec.shape.rank == 2:
        return _padded(batch.column(name), empty) if name in batch.column_names else _blank((rows, 1), empty)
    declared = {c.name: c.fill for c in declaration.features}
    fill = declared.get(name, 0.0)
    if name not in batch.column_names:
        return np.full(rows, fill, dtype=object if isinstance(fill, str) else kind)
    column = batch.column(name).combine_chunks()
    column = column.cast(pa.string() if isinstance(fill, str) else pa.from_numpy_dtype(kind)).fill_null(fill)
    return column.to_numpy(zero_copy_only=False)


def _lengths(column: pa.ChunkedArray) -> np.ndarray:
    lengths = pyarrow.compute.list_value_length(column.combine_chunks())
    return lengths.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)


def _blank(shape: tuple[int, int], empty: Any) -> np.ndarray:
    return np.full(shape, empty, dtype=object if isinstance(empty, bytes) else None)


def _padded(column: pa.ChunkedArray, empty: Any) -> np.ndarray:
    """Lists -> `[B, L]`, the real values first, `empty` behind them."""
    lengths = _lengths(column)
    flat = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
    out = _blank((len(lengths), max(int(lengths.max(initial=0)), 1)), empty)
    out[np.arange(out.shape[1]) < lengths[:, None]] = flat
    return out


def _read(source: str) -> pa.Table:
    if not os.path.exists(source):
        raise DataRefused(f"{source} does not exist: give a .jsonl, .jsonl.gz or .parquet file")
    try:
        if source.endswith(".parquet"):
            return pq.read_table(source)
        with pa.input_stream(source, compression="detect") as stream:
            return pyarrow.json.read_json(stream)
    except pa.ArrowInvalid as error:
        raise DataRefused(f"{source} cannot be read: {str(error).splitlines()[0]}; mend or replace it") from None


def _write(table: pa.Table, target: str) -> None:
    aside = f"{target}.aside"
    if target.endswith(".parquet"):
        pq.write_table(table, aside)
    else:
        compression = "gzip" if target.endswith(".gz") else None
        with pa.output_stream(aside, compression=compression) as stream:
            for batch in table.to_batches(max_chunksize=BATCH):
                stream.write("".join(json.dumps(row, default=str) + "\n" for row in batch.to_pylist()).encode())
    os.replace(aside, target)
