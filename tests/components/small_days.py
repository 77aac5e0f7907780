"""Tiny days of examples, a model to score them, and a workspace to publish them in."""

from __future__ import annotations

import pathlib

import numpy as np
import pyarrow as pa
import tensorflow as tf
from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder

from scenerank.components.workspace import Workspace
from scenerank.schemas import Declaration

DECLARATION = Declaration.model_validate(
    {
        "name": "small",
        "columns": [
            {"name": "time_ms", "type": "int64", "group": "time"},
            {"name": "page", "type": "string", "group": "scenario", "key": True, "encoding": {"kind": "vocabulary"}},
            {"name": "user", "type": "int64", "group": "user", "key": True, "encoding": {"kind": "hash", "size": 64}},
            {"name": "region", "type": "string", "group": "user", "encoding": {"kind": "vocabulary"}},
            {"name": "level", "type": "int64", "group": "user", "encoding": {"kind": "vocabulary"}},
            {"name": "spend", "type": "float32", "group": "user", "encoding": {"kind": "numeric"}},
            {"name": "ad", "type": "int64", "group": "item", "key": True, "encoding": {"kind": "hash", "size": 64}},
            {"name": "clicked", "type": "int64", "group": "label", "values": [0, 1]},
        ],
    }
)


def rows(count: int, seed: int = 0, shares: tuple[float, ...] = (0.6, 0.3, 0.1), rate: float = 0.1) -> pa.Table:
    """Impressions; `shares` of the pages p0, p1, ..."""
    rng = np.random.default_rng(seed)
    columns = {
        "time_ms": pa.array(np.arange(count)),
        "page": pa.array([f"p{i}" for i in rng.choice(len(shares), count, p=shares)]),
        "user": pa.array(rng.integers(0, 50, count)),
        "region": pa.array([f"r{i}" for i in rng.integers(0, 4, count)]),
        "level": pa.array(rng.integers(0, 3, count)),
        "spend": pa.array(rng.lognormal(0, 1, count).astype(np.float32)),
        "ad": pa.array(np.minimum(rng.geometric(0.2, count), 9)),
        "clicked": pa.array((rng.random(count) < rate).astype(np.int64)),
    }
    return pa.table(columns)


def serialized(table: pa.Table) -> list[bytes]:
    """tf.Examples of the rows."""
    offsets = pa.array(np.arange(table.num_rows + 1), pa.int32())
    arrays = []
    for column in table.columns:
        values = column.combine_chunks()
        values = values.cast(pa.binary()) if values.type == pa.string() else values
        arrays.append(pa.ListArray.from_arrays(offsets, values))
    return RecordBatchToExamplesEncoder().encode(pa.RecordBatch.from_arrays(arrays, names=table.column_names))


def write_split(folder: pathlib.Path, records: list[bytes], files: int = 2) -> None:
    """`files` gzipped TFRecord files, records in order."""
    folder.mkdir(parents=True, exist_ok=True)
    per_file = -(-len(records) // files)
    for part in range(files):
        with tf.io.TFRecordWriter(str(folder / f"data-{part:05d}-of-{files:05d}.gz"), "GZIP") as writer:
            for record in records[part * per_file : (part + 1) * per_file]:
                writer.write(record)


def read_split(folder: pathlib.Path) -> list[bytes]:
    files = sorted(str(f) for f in folder.iterdir())
    return list(tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator())


class ByAd(tf.Module):
    """Gives ad `a` on page p0 the score `a / 100`, on any other page half of it."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serve(self, examples):
        parsed = tf.io.parse_example(
            examples, {"ad": tf.io.FixedLenFeature([], tf.int64), "page": tf.io.FixedLenFeature([], tf.string)}
        )
        score = tf.cast(parsed["ad"], tf.float32) / 100.0
        return {"probability": tf.where(parsed["page"] == "p0", score, score / 2)}


def save_model(folder: pathlib.Path) -> None:
    model = ByAd()
    tf.saved_model.save(model, str(folder), signatures={"serving_default": model.serve})


def fill(folder: pathlib.Path, **files: str) -> str:
    """A folder with small text files, `__` for a dot in their names."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    return str(folder)


def publish_small(workspace: Workspace, folder: pathlib.Path, day: str, text: str = "x") -> None:
    """Publishes a day whose files are not real ones but can be told apart."""
    workspace.publish("fairness", day, fill(folder / day / "fairness", fairness__parquet=text))
    contents = {
        "examples": fill(folder / day / "examples", a__gz=f"{text} of {day}"),
        "statistics": fill(folder / day / "statistics", FeatureStats__pb=f"{text} of {day}"),
    }
    workspace.publish("examples", day, contents)
