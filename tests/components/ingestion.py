"""Tiny logs, and LogExampleGen run on them in this process."""

from __future__ import annotations

import glob
import gzip
import json
import os
import pathlib
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

# isort: split
import tensorflow as tf
from tfx.types.standard_artifacts import Examples, Schema

from scenerank.components.artifacts import DayProfile, Quarantine
from scenerank.components.log_example_gen.component import LogExampleGen
from scenerank.components.records.profile import Profile
from scenerank.schemas.declaration import Declaration

DAY = "2024-03-04"
START = 1709510400000
"""2024-03-04T00:00Z in milliseconds."""
DAY_MS = 86_400_000

COLUMNS: list[dict[str, Any]] = [
    {"name": "time_ms", "type": "int64", "group": "time", "min": 0},
    {"name": "scene", "type": "string", "group": "scenario", "key": True, "encoding": {"kind": "vocabulary"}},
    {"name": "user", "type": "string", "group": "user", "key": True, "encoding": {"kind": "hash", "size": 64}},
    {"name": "age", "type": "int64", "group": "user", "min": 0, "max": 120, "encoding": {"kind": "vocabulary"}},
    {"name": "item", "type": "string", "group": "item", "key": True, "encoding": {"kind": "hash", "size": 64}},
    {"name": "price", "type": "float32", "group": "item", "min": 0, "required": False, "default": 1.5,
     "encoding": {"kind": "numeric"}},
    {"name": "note", "type": "string", "group": "context", "required": False, "encoding": {"kind": "vocabulary"}},
    {"name": "click", "type": "int64", "group": "label", "values": [0, 1]},
    {"name": "buy", "type": "int64", "group": "outcome", "values": [0, 1]},
]  # fmt: skip


def declare(**changes: Any) -> Declaration:
    """A declaration of nine columns, with a history of three and rates of two key sets."""
    base: dict[str, Any] = {
        "name": "tiny",
        "columns": COLUMNS,
        "history": {"types": {"click": "click", "buy": "buy"}, "length": 3, "days": 5},
        "rates": {"keys": [["item"], ["user", "scene"]], "events": ["click"], "days": 2, "prior": 4.0},
    }
    return Declaration.model_validate({**base, **changes})


def row(time: int = 0, day: int = 0, **changes: Any) -> dict[str, Any]:
    """A good row, `time` seconds into the day `day` days after DAY."""
    base = {"time_ms": START + day * DAY_MS + time * 1000, "scene": "home", "user": "u1", "age": 30, "item": "i1",
            "price": 2.5, "note": "n", "click": 0, "buy": 0}  # fmt: skip
    return {**base, **changes}


def put(workspace: pathlib.Path, rows: list[dict[str, Any]] | pa.Table, day: str = DAY, name: str = "a.parquet") -> str:
    """Writes a file of logs in the format of its name; returns its path."""
    path = workspace / "logs" / f"day={day}" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    table = rows if isinstance(rows, pa.Table) else pa.Table.from_pylist(rows)
    plain = name.removesuffix(".gz")
    if plain.endswith(".parquet"):
        pq.write_table(table, path, row_group_size=50)
        return str(path)
    if plain.endswith(".csv"):
        sink = pa.BufferOutputStream()
        pcsv.write_csv(table, sink)
        data = sink.getvalue().to_pybytes()
    else:
        data = "".join(json.dumps(r) + "\n" for r in table.to_pylist()).encode()
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return str(path)


class Result:
    """What a run left."""

    def __init__(self, out: pathlib.Path):
        self.out = out
        self.files = {
            os.path.basename(p): pathlib.Path(p).read_bytes() for p in sorted(glob.glob(f"{out}/examples/Split-day/*"))
        }
        self.summary = json.loads((out / "quarantine/summary.json").read_text())
        self.quarantine = pq.ParquetFile(out / "quarantine/quarantine.parquet").read().to_pylist()
        self.profile = Profile.read(str(out / "profile"))
        self.schema = (out / "schema/schema.pbtxt").read_text()

    @property
    def examples(self) -> list[dict[str, Any]]:
        """Each as a dict, scalars out of their lists, sorted by content."""
        paths = [f"{self.out}/examples/Split-day/{name}" for name in self.files]
        records = tf.data.TFRecordDataset(paths, "GZIP").as_numpy_iterator()
        return sorted((_decode(record) for record in records), key=lambda e: sorted(e.items(), key=str).__repr__())


def run(workspace: pathlib.Path, declaration: Declaration | None = None, day: str = DAY, **settings: Any) -> Result:
    """Runs the component's function; settings default to four partitions."""
    out = workspace / f"out-{day}-{len(list(workspace.glob('out-*')))}"
    artifacts = {"examples": Examples(), "schema": Schema(), "quarantine": Quarantine(), "profile": DayProfile()}
    for name, artifact in artifacts.items():
        artifact.uri = str(out / name)
        (out / name).mkdir(parents=True)
    LogExampleGen.test_call(
        workspace=str(workspace),
        day=day,
        declaration=(declaration or declare()).model_dump_json(),
        settings=json.dumps({"partitions": 4, **settings}),
        beam_pipeline=beam.Pipeline(),
        **artifacts,
    )
    assert artifacts["examples"].split_names == '["day"]'
    return Result(out)


def _decode(record: bytes) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name, feature in tf.train.Example.FromString(record).features.feature.items():
        kind = feature.WhichOneof("kind")
        values = list(getattr(feature, kind).value) if kind else []
        values = [v.decode() if isinstance(v, bytes) else v for v in values]
        out[name] = values if name.startswith("history_") else values[0]
    return out
