"""Small data and models that pictures are drawn of."""

from __future__ import annotations

import functools
import pathlib
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf

from scenerank.components.trainer.input.in_memory import InMemorySplit, column_names
from scenerank.components.workspace import Workspace
from scenerank.models.registry import build_model
from scenerank.pipeline.compare.data import Prepared
from scenerank.pipeline.compare.facts import Facts
from scenerank.pipeline.explain.subject import Subject
from scenerank.schemas import load_declaration
from tests.models.conftest import random_batch, shake, small_features

ROWS, DAY = 240, "2024-03-08"
FEATURES = small_features(3)
SMALL = {
    "sar_net": {"expert_units": [4], "attention_units": [4]},
    "maria": {
        "expert_units": [8],
        "tower_units": [8],
        "encoder_units": 8,
        "selecting": ["behaviors", "user", "item", "context"],
    },
    "musenet": {"units": [8], "prototypes": 3},
    "hierrec": {"global_units": [8], "heads": 2},
}


def store(seed: int) -> InMemorySplit:
    batch, label, weight = random_batch(FEATURES, ROWS, seed=seed)
    integers, floats, events, event_floats = column_names(FEATURES)
    length = batch["history_length"].numpy()
    real = np.arange(batch[events[0]].shape[1])[None] < length[:, None]

    def ends(names: list[str], kind: str) -> tf.Tensor:
        rows = np.stack([batch[name].numpy()[real] for name in names], 1).astype(kind)
        return tf.constant(np.concatenate([rows, np.zeros_like(rows[:1])]))

    return InMemorySplit(
        FEATURES,
        tf.stack([tf.cast(batch[name], tf.int32) for name in integers], 1),
        tf.stack([*(batch[name] for name in floats), batch["fairness_coefficient"], label, weight], 1),
        ends(events, "i4"),
        ends(event_floats, "f4"),
        tf.constant(np.r_[0, np.cumsum(length)], tf.int64),
    )


@functools.cache
def prepared() -> Prepared:
    train, validation, test = (store(seed) for seed in range(3))
    groups = np.arange(ROWS) // 4
    facts = Facts(np.char.add("page ", test.scenarios.astype(str)), groups, groups, "request_id")
    return Prepared(FEATURES, train, validation, test, facts, np.zeros(train.rows, np.int64))


@functools.cache
def raw() -> dict[str, np.ndarray]:
    """Raw columns of the test rows."""
    random = np.random.default_rng(5)
    return {
        "scenario_id": prepared().facts.scenario,
        "request_id": np.char.add("r", prepared().facts.group.astype(str)),
        "category": random.choice(["hotel", "flight", "tour"], ROWS, p=[0.6, 0.3, 0.1]),
        "price": random.lognormal(4, 1, ROWS).astype("f4"),
        "purpose": random.choice(["none", "family", "couple", "business"], ROWS // 4).repeat(4),
    }


def workspace(root: pathlib.Path) -> str:
    """Examples of the test day in two files, and its truth in another order."""
    columns = raw()
    space = Workspace(str(root / "workspace"))
    (root / "aside" / "examples").mkdir(parents=True)
    for part in range(2):
        path = str(root / "aside" / "examples" / f"data_tfrecord-0000{part}-of-00002.gz")
        with tf.io.TFRecordWriter(path, "GZIP") as writer:
            for row in range(part * ROWS // 2, (part + 1) * ROWS // 2):
                feature = {
                    name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[str(columns[name][row]).encode()]))
                    for name in ("scenario_id", "request_id", "category")
                }
                feature["price"] = tf.train.Feature(float_list=tf.train.FloatList(value=[columns["price"][row]]))
                writer.write(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())
    space.publish("examples", DAY, str(root / "aside"))
    order = np.random.default_rng(6).permutation(ROWS)
    truth = root / "workspace" / "truth" / f"day={DAY}"
    truth.mkdir(parents=True)
    hidden = {name: columns[name][order] for name in ("request_id", "purpose")}
    pq.write_table(pa.table(hidden), truth / "part-0.parquet")
    return str(root / "workspace")


def subject(name: str, at: str, **settings: Any) -> Subject:
    """A model whose weights are all random, with the workspace `at`."""
    model = build_model(name, FEATURES, {"embedding": {"dim": 4}} | SMALL[name] | settings)
    model.build_weights()
    shake(model)
    return Subject(model, prepared(), load_declaration("simulator"), at, DAY)
