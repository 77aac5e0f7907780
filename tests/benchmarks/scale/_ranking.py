"""A simulated day, encoded as the pipeline encodes it, and requests of 500 candidates made of it.

Models are not trained: weights do not change how long an answer takes.
"""

from __future__ import annotations

import functools
import pathlib
import tempfile
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import tensorflow as tf

from scenerank.components.export.serving import EXAMPLES, PREDICT, RANK
from scenerank.components.transform.example_reader import ExampleReader
from scenerank.schemas import HISTORY_LENGTH, Declaration, load_declaration
from scenerank.schemas.columns import DerivedColumn
from tests.components import tiny

CANDIDATES, HISTORY, ROWS = 500, 50, 4000


def _values(random: np.random.Generator, name: str, kind: str, size: int) -> pa.Array:
    """Values of a raw column, as various as the simulator's."""
    if kind == "string":
        return pa.array([f"{name}{i}" for i in random.integers(0, 5000 if name.endswith("_id") else 12, size)])
    if kind == "int64":
        return pa.array(random.integers(0, 6, size))
    return pa.array(random.lognormal(3, 1, size).astype(np.float32))


def table(declaration: Declaration, rows: int, seed: int = 0) -> pa.RecordBatch:
    """Impressions with full histories; the label is there because the analysis reads a whole schema."""
    random = np.random.default_rng(seed)
    offsets = pa.array(np.arange(rows + 1) * HISTORY, pa.int32())
    found: dict[str, pa.Array] = {}
    for column in declaration.columns:
        found[column.name] = _values(random, column.name, column.type, rows)
    scenario = declaration.scenario.name
    found[scenario] = pa.array([f"s{i}" for i in random.integers(0, 20, rows)])
    found[declaration.label.name] = pa.array((random.random(rows) < 0.1).astype(np.int64))
    for derived in declaration.rate_columns:
        found[derived.name] = pa.array(random.normal(size=rows).astype(np.float32))
    for derived in declaration.history_columns:
        found[derived.name] = pa.ListArray.from_arrays(offsets, _behaviors(random, declaration, derived, rows))
    found["fairness_coefficient"] = pa.array(np.ones(rows, np.float32))
    return pa.RecordBatch.from_arrays(list(found.values()), names=list(found))


def _behaviors(random: np.random.Generator, declaration: Declaration, column: DerivedColumn, rows: int) -> pa.Array:
    size = rows * HISTORY
    if column.name == "history_type":
        return pa.array(random.choice(list(declaration.history.types), size))  # type: ignore[union-attr]
    if column.source == declaration.scenario.name:
        return pa.array([f"s{i}" for i in random.integers(0, 20, size)])
    return _values(random, column.source or column.name, column.type, size)


class Requests(NamedTuple):
    """One request of 500 candidates in the three ways to ask, and a row alone.

    Attributes:
      examples, columns: 500 rows, with what is the request's repeated.
      ranked: the request's columns once.
      one: a row's example.
    """

    examples: dict[str, tf.Tensor]
    columns: dict[str, tf.Tensor]
    ranked: dict[str, tf.Tensor]
    one: dict[str, tf.Tensor]

    def of(self, signature: str) -> dict[str, tf.Tensor]:
        return {EXAMPLES: self.examples, PREDICT: self.columns, RANK: self.ranked}[signature]


@functools.cache
def data() -> tuple[ExampleReader, Requests]:
    """The simulator's declaration analysed over random rows, and the requests."""
    declaration = load_declaration("simulator")
    folder = pathlib.Path(tempfile.mkdtemp())
    pattern = tiny.split(folder, "train", table(declaration, ROWS))
    reader = ExampleReader.of(declaration, tiny.analyse(pattern, folder / "transform", declaration))
    return reader, requests(declaration)


def requests(declaration: Declaration) -> Requests:
    """See `Requests`."""
    from scenerank.pipeline.serving.columns import columns

    rows = pa.Table.from_batches([table(declaration, CANDIDATES, seed=1)])
    names = declaration.candidate_columns
    kept = {*names, *(c.name for c in declaration.features), *(d.name for d in declaration.history_columns)}
    kept |= {d.name for d in declaration.rate_columns}
    same = {
        n: c if n in names else pa.chunked_array([c.take(pa.array([0] * CANDIDATES)).combine_chunks()])
        for n, c in zip(rows.column_names, rows.columns)
        if n in kept
    }
    flat = pa.table(same)
    serialized = tiny.serialize(flat.combine_chunks().to_batches()[0])
    written = columns(declaration, flat)
    assert (written[HISTORY_LENGTH] == HISTORY).all()
    ranked = {n: value[np.newaxis] if n in names else value[:1] for n, value in written.items()}
    return Requests(
        {"examples": tf.constant(serialized)},
        {n: tf.constant(value) for n, value in written.items()},
        {n: tf.constant(value) for n, value in ranked.items()},
        {"examples": tf.constant(serialized[:1])},
    )
