"""A tiny data set: declared columns of every encoding, written as tf.Examples and analysed by TFT itself."""

from __future__ import annotations

import atexit
import functools
import json
import pathlib
import shutil
import tempfile
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import tensorflow as tf
import tensorflow_transform.beam as tft_beam
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder
from tfx_bsl.tfxio import tf_example_record

from scenerank.components.trainer.settings import TrainerSettings
from scenerank.components.transform.preprocessing import preprocessing_fn
from scenerank.schemas import FAIRNESS, Declaration
from scenerank.schemas.tfmd import schema

DAY = "2024-03-03"
VOCABULARY = {"kind": "vocabulary"}
PLAIN = {"kind": "numeric", "standardize": False}
DECLARATION = Declaration.model_validate(
    {
        "name": "tiny",
        "columns": [
            {"name": "time_ms", "type": "int64", "group": "time"},
            {
                "name": "scenario",
                "type": "string",
                "group": "scenario",
                "key": True,
                "encoding": VOCABULARY,
            },
            {"name": "user", "type": "int64", "group": "user", "key": True, "encoding": {"kind": "hash", "size": 64}},
            {"name": "level", "type": "int64", "group": "user", "encoding": VOCABULARY, "default": 3},
            {"name": "item", "type": "string", "group": "item", "key": True, "encoding": {"kind": "hash", "size": 128}},
            {"name": "brand", "type": "string", "group": "item", "encoding": {"kind": "vocabulary", "min_count": 3}},
            {"name": "price", "type": "float32", "group": "item", "encoding": {"kind": "buckets", "size": 4}},
            {"name": "mass", "type": "float32", "group": "item", "encoding": {"kind": "numeric", "log": True}},
            {
                "name": "hour",
                "type": "int64",
                "group": "context",
                "encoding": {"kind": "numeric", "standardize": False},
            },
            {
                "name": "shelf",
                "type": "int64",
                "group": "bias",
                "reference": 0,
                "encoding": {"kind": "identity", "size": 4},
            },
            {
                "name": "pushed",
                "type": "int64",
                "group": "intervention",
                "values": [0, 1],
                "encoding": {"kind": "identity", "size": 2},
            },
            {"name": "clicked", "type": "int64", "group": "label", "values": [0, 1]},
            {"name": "bought", "type": "int64", "group": "outcome"},
            {"name": "importance", "type": "float32", "group": "weight"},
        ],
        "history": {"types": {"click": "clicked", "buy": "bought"}, "length": 6, "matches": ["brand"]},
        "rates": {"keys": [["item"]], "events": ["clicked"]},
    }
)
CONFIG = {"declaration": DECLARATION.model_dump_json()}


def table(rows: int, scenarios: int = 3, seed: int = 0, longest: int = 9) -> pa.RecordBatch:
    """Impressions with a click rate that depends on scenario and brand, histories of 0 to `longest` behaviors."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(0, longest + 1, rows)
    offsets = pa.array(np.concatenate([[0], lengths.cumsum()]), pa.int32())
    events = int(lengths.sum())

    def words(prefix: str, count: int, size: int) -> pa.Array:
        return pa.array([f"{prefix}{i}" for i in np.minimum(rng.geometric(1.5 / count, size) - 1, count - 1)])

    shelf, pushed = np.arange(rows) % 4, (np.arange(rows) % 7 == 3).astype(np.int64)
    scenario, brand = words("s", scenarios, rows), words("b", 8, rows)
    logit = (
        -1
        + 0.7 * (np.char.str_len(brand.to_numpy(False).astype(str)) % 2)
        + 1.5 * pushed
        - 0.5 * shelf
        + np.sin([float(s[1:]) + 2 * float(b[1:]) for s, b in zip(scenario.to_pylist(), brand.to_pylist())])
    )
    flat = {
        "history_scenario": words("s", scenarios, events),
        "history_item": words("i", 40, events),
        "history_brand": words("b", 8, events),
        "history_price": pa.array(rng.lognormal(2, 1, events).astype(np.float32)),
        "history_mass": pa.array(rng.lognormal(0, 1, events).astype(np.float32)),
        "history_type": pa.array(rng.choice(["click", "buy"], events)),
        "history_age_s": pa.array(rng.lognormal(8, 3, events).astype(np.float32)),
    }
    columns: dict[str, pa.Array] = {
        "time_ms": pa.array(np.arange(rows)),
        "scenario": scenario,
        "user": pa.array(rng.integers(0, 30, rows)),
        "level": pa.array(rng.integers(0, 5, rows)),
        "item": words("i", 40, rows),
        "brand": brand,
        "price": pa.array(rng.lognormal(2, 1, rows).astype(np.float32)),
        "mass": pa.array(rng.lognormal(0, 1, rows).astype(np.float32)),
        "hour": pa.array(rng.integers(0, 24, rows)),
        "shelf": pa.array(shelf),
        "pushed": pa.array(pushed),
        "clicked": pa.array((rng.random(rows) < 1 / (1 + np.exp(-logit))).astype(np.int64)),
        "importance": pa.array(rng.uniform(0.5, 2, rows).astype(np.float32)),
        **{name: pa.ListArray.from_arrays(offsets, values) for name, values in flat.items()},
        "count_item": pa.array(rng.random(rows).astype(np.float32)),
        "rate_clicked_item": pa.array(rng.normal(0, 1, rows).astype(np.float32)),
        FAIRNESS: pa.array(rng.uniform(0.2, 5, rows).astype(np.float32)),
    }
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def serialize(batch: pa.RecordBatch) -> list[bytes]:
    """tf.Examples of the rows."""

    def listed(array: pa.Array) -> pa.ListArray:
        one_each = not pa.types.is_list(array.type)
        values = array if one_each else array.values
        offsets = pa.array(np.arange(len(array) + 1), pa.int32()) if one_each else array.offsets
        return pa.ListArray.from_arrays(offsets, values.cast(pa.binary()) if values.type == pa.string() else values)

    arrays = [listed(array) for array in batch.columns]
    return RecordBatchToExamplesEncoder().encode(pa.RecordBatch.from_arrays(arrays, names=batch.schema.names))


def write(folder: pathlib.Path, examples: list[bytes], files: int = 2, prefix: str = "") -> str:
    """Writes TFRecord.gz files whose names begin with `prefix`; returns the pattern of all in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in range(files):
        with tf.io.TFRecordWriter(str(folder / f"{prefix}data-{part}.gz"), "GZIP") as writer:
            for example in examples[part::files]:
                writer.write(example)
    return str(folder / "*")


def split(folder: pathlib.Path, name: str, batch: pa.RecordBatch) -> str:
    """Writes a split of an Examples artifact; returns its pattern."""
    return write(folder / f"Split-{name}", serialize(batch))


def analyse(pattern: str, folder: pathlib.Path, declaration: Declaration = DECLARATION) -> str:
    """Runs TFT's analysis over the files; returns the folder of the transform output."""
    folder.mkdir(parents=True, exist_ok=True)
    source = tf_example_record.TFExampleRecord(
        pattern, schema=schema(declaration, fairness=True), telemetry_descriptors=["test"]
    )
    with beam.Pipeline() as pipeline, tft_beam.Context(temp_dir=tempfile.mkdtemp()):
        data = pipeline | source.BeamSource()
        function = (data, source.TensorAdapterConfig()) | tft_beam.AnalyzeDataset(
            lambda inputs: preprocessing_fn(inputs, {"declaration": declaration.model_dump_json()})
        )
        _ = function | tft_beam.WriteTransformFn(str(folder))
    return str(folder)


def transform(folder: pathlib.Path, batch: pa.RecordBatch) -> str:
    """Writes and analyses the rows as split `train`; returns the folder of the transform output."""
    return analyse(split(folder, "train", batch), folder / "transform")


SMALL = {
    "embedding": {"dim": 4},
    "attention_units": (8,),
    "expert_units": (8,),
    "shared_experts": 2,
    "optimizer": {"learning_rate": 0.01},
}
"""Settings of a SAR-Net that trains in no time."""


def arguments(folder: pathlib.Path, run: str = "run", base: str | None = None, **settings: Any) -> FnArgs:
    """What TFX hands to `run_fn`, for splits in `folder` and settings of the Trainer.

    Where there is no `window.json`, it gets one that names a day for each split.
    """
    if not (folder / "window.json").exists():
        splits = {"train": ["2024-03-01"], "validation": ["2024-03-02"], "eval": [DAY]}
        (folder / "window.json").write_text(json.dumps({"day": DAY, "splits": splits}))
    given = {"model_settings": SMALL, "debias": {"nets": True}, "batch_size": 128, "epochs": 3, **settings}
    chosen = TrainerSettings(**given)
    return FnArgs(
        train_files=[str(folder / "Split-train/*")],
        eval_files=[str(folder / "Split-eval/*")],
        transform_output=str(folder / "transform"),
        serving_model_dir=str(folder / run / "model/Format-Serving"),
        model_run_dir=str(folder / run / "model_run"),
        base_model=base,
        custom_config={
            **CONFIG,
            "settings": chosen.model_dump_json(),
            "code_version": "test",
            "checkpoint": str(folder / "checkpoint"),
            "warmup_requests": 5,
        },
    )


@functools.cache
def trained() -> pathlib.Path:
    """A folder with splits, transform output and, in `run`, what a training leaves; made once a process."""
    from scenerank.components.trainer.run import run_fn

    folder = pathlib.Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    rows = table(2000)
    transform(folder, rows.slice(0, 1400))
    split(folder, "validation", rows.slice(1400, 300))
    split(folder, "eval", rows.slice(1700))
    run_fn(arguments(folder))
    return folder


def base(folder: pathlib.Path, run: str = "run") -> str:
    """What TFX names as base model: the served model of a run, training weights beside it as ServedModel has them."""
    weights = folder / run / "model/Format-Training"
    if not weights.exists():
        shutil.copytree(folder / run / "model_run/weights", weights)
        (weights.parent / "version.json").write_text(json.dumps({"version": 2024030201}))
    return str(folder / run / "model/Format-Serving")
