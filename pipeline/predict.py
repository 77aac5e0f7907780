"""`scenerank predict`: a file of raw features -> the same file with probabilities."""

from __future__ import annotations

import json
import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from components.errors import DataRefused
from components.pusher.push import LINEAGE
from components.workspace import Workspace
from pipeline.columns import check, columns, read_table
from schemas import Declaration, load_declaration

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
    table = read_table(source)
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
    check(declaration, table, source)
    scores = [np.zeros(0, np.float32)]
    for start in range(0, table.num_rows, BATCH):
        asked = columns(declaration, table.slice(start, BATCH))
        inputs = {name: tf.constant(asked[name], spec.dtype) for name, spec in specs.items()}
        scores.append(signature(**inputs)[PROBABILITY].numpy().reshape(-1))
    return np.concatenate(scores)


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
