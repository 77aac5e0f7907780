"""`scenerank predict`: a file of raw features -> the same file with probabilities, and nothing else changed."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from scenerank.components.log_example_gen.rows import as_binary, as_text, format_of
from scenerank.components.records.release import ModelLineage
from scenerank.components.saved_model import load_signature
from scenerank.components.workspace import Workspace
from scenerank.errors import DataError, WorkspaceError
from scenerank.pipeline.serving.columns import Rows, check, columns, read_rows
from scenerank.schemas import Declaration

BATCH = 4096
PROBABILITY = "probability"


def predict_file(root: str, source: str, target: str, version: int | None = None) -> str:
    """Scores every row of a Parquet, JSON Lines or CSV file.

    Columns are the declaration's features, read and cast as ingestion reads logs; optional ones, rates and histories
    (lists, oldest first) may be absent and then count as unknown. All columns are written back as they were.

    Returns:
      A sentence on what was done.

    Raises:
      WorkspaceError: no such version.
      DataError: no such file, a required column is absent, or a row has a value that ingestion would refuse.
    """
    workspace = Workspace(root)
    served = workspace.served() if version is None else version
    if served is None:
        raise WorkspaceError(f"no model in {workspace.uri('models')}: run a day first")
    if served not in workspace.versions():
        known = ", ".join(map(str, workspace.versions())) or "none"
        raise WorkspaceError(f"no version {served} in {workspace.uri('models')}; there are: {known}")
    declaration = ModelLineage.read(workspace.model(served)).declared
    rows = read_rows(source, declaration)
    if rows.format == "json" != format_of(target):
        raise DataError(f"{target} is no JSON Lines file, as {source} is: end its name with .jsonl")
    scores = score_table(workspace.model(served), declaration, rows.read, source)
    _write_scored(rows, scores, target)
    return f"{len(scores)} rows scored with version {served}: {target}"


def score_table(model: str, declaration: Declaration, table: pa.Table, source: str) -> np.ndarray:
    """Probabilities, float32 `[N]`, through the signature `predict` of a SavedModel directory."""
    import tensorflow as tf

    _loaded, signature = load_signature(model, "predict")
    _, specs = signature.structured_input_signature
    check(declaration, table, source)
    scores = [np.zeros(0, np.float32)]
    for start in range(0, table.num_rows, BATCH):
        asked = columns(declaration, table.slice(start, BATCH), source, start)
        inputs = {name: tf.constant(asked[name], spec.dtype) for name, spec in specs.items()}
        scores.append(signature(**inputs)[PROBABILITY].numpy().reshape(-1))
    return np.concatenate(scores)


def _write_scored(rows: Rows, scores: np.ndarray, target: str) -> None:
    """The file as it was, but for the column of scores, and one of that name that it had."""
    if rows.format == "json":
        _write_parts(_scored_lines(rows.given.column(0).to_pylist(), scores), target)
        return
    table = rows.given
    if PROBABILITY in table.column_names:
        table = table.drop([PROBABILITY])
    if rows.format == "csv" and format_of(target) != "csv":
        table = pa.table([as_text(column.combine_chunks()) for column in table.columns], table.column_names)
    _write(table.append_column(PROBABILITY, pa.array(scores)), target)


def _scored_lines(lines: list[bytes], scores: np.ndarray) -> Iterator[bytes]:
    """Text added to text: to read an object and write it again would change numbers and dates that nobody asked for."""
    for line, score in zip(lines, scores.tolist()):
        if f'"{PROBABILITY}"'.encode() in line:
            row = json.loads(line)
            row.pop(PROBABILITY, None)
            line = json.dumps(row).encode()
        start = line.rstrip()[:-1].rstrip()
        yield start + b"," * (not start.endswith(b"{")) + f' "{PROBABILITY}": {score!r}}}\n'.encode()


def _write(table: pa.Table, target: str) -> None:
    if format_of(target) == "parquet":
        pq.write_table(table, f"{target}.aside")
        os.replace(f"{target}.aside", target)
    elif format_of(target) == "csv":
        _write_parts(_csv(table), target)
    else:
        batches = table.to_batches(max_chunksize=BATCH)
        rows = ("".join(json.dumps(row, default=str) + "\n" for row in batch.to_pylist()) for batch in batches)
        _write_parts((text.encode() for text in rows), target)


def _csv(table: pa.Table) -> Iterator[bytes]:
    """Lines of CSV. Cells are bytes, UTF-8 or not, which Arrow's own writer does not take; an empty one is a null."""
    header = io.StringIO()
    csv.writer(header, lineterminator="\n").writerow(table.column_names)
    yield header.getvalue().encode()
    for batch in table.to_batches(max_chunksize=BATCH):
        lines = pc.binary_join_element_wise(
            *map(_cells, batch.columns), b",", null_handling="replace", null_replacement=b""
        )
        yield b"".join(line + b"\n" for line in lines.to_pylist())


def _cells(values: pa.Array) -> pa.Array:
    if not pa.types.is_binary(values.type):
        return as_binary(as_text(values))
    quoted = pc.replace_substring(values, b'"', b'""')
    quoted = pc.binary_join_element_wise(b'"', quoted, b'"', b"")
    needed = pc.or_(pc.match_substring_regex(values, '[",\\r\\n]'), pc.equal(values, b""))
    return pc.if_else(needed, quoted, values)


def _write_parts(parts: Iterator[bytes], target: str) -> None:
    aside = f"{target}.aside"
    with pa.output_stream(aside, compression="gzip" if target.endswith(".gz") else None) as stream:
        for part in parts:
            stream.write(part)
    os.replace(aside, target)
