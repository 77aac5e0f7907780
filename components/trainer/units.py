"""Transformed rows as files that a parameter server's worker reads without Python.

A unit is a few thousand rows: what the chief hands to whichever worker is free, and what is learned from again where a
worker dies over it. Workers run graphs alone; the transform graph, with its look-up tables,
is applied before, each worker to its share of the files.
"""

from __future__ import annotations

import dataclasses
import json
import math
import time
from collections.abc import Iterator, Sequence
from typing import Any

import models  # noqa: F401  (legacy Keras has to be chosen before TensorFlow is imported)

import tensorflow as tf  # isort: skip
import numpy as np

from components.trainer.dataset import Reader
from components.trainer.feed import Totals
from components.trainer.files import replace_file
from components.trainer.job import Job
from components.trainer.settings import TrainerSettings
from components.trainer.sharing import Share
from components.trainer.store import TARGETS, Store, column_names, load
from schemas.features import FeatureSet

LOOK_SECONDS = 0.5
UNIT_ROWS = 16384
GROWTH = 8
"""Bytes in memory, at most, of a byte of a file."""
PARTS = (("integers", tf.int32), ("floats", tf.float32), ("events_integers", tf.int32), ("events_floats", tf.float32),
         ("splits", tf.int64))  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Unit:
    """Rows in one file. Attributes: path; rows, clicks: how many."""

    path: str
    rows: int
    clicks: int


@dataclasses.dataclass(frozen=True)
class Units:
    """Units of both splits, in a fixed order."""

    train: tuple[Unit, ...]
    validation: tuple[Unit, ...]


def totals(units: Sequence[Unit]) -> Totals:
    """Sums over units."""
    rows = sum(unit.rows for unit in units)
    return Totals(rows, sum(unit.clicks for unit in units), rows)


def prepare_units(job: Job, share: Share) -> None:
    """Transforms the share's files into units, unless an earlier attempt did.

    Raises:
      DataRefused: see `store.load`.
    """
    done = _done(job, share.index, share.count)
    if tf.io.gfile.exists(done):
        return
    tf.io.gfile.makedirs(f"{job.folder}/units")
    reader = Reader.of(job.declared, job.transform_output)
    found: dict[str, list[dict[str, Any]]] = {"train": [], "validation": []}
    for split, files in (("train", job.train_files), ("validation", job.validation_files)):
        groups = _groups(share.of(files), job.trainer)
        for number, group in enumerate(groups):
            prefix = f"{job.folder}/units/{split}-{share.index}-of-{share.count}-{number:04}"
            found[split] += map(dataclasses.asdict, _units(reader, group, prefix, job.trainer.seed))
    replace_file(done, json.dumps(found))


def wait_for_units(job: Job, workers: int) -> Units:
    """What all workers have prepared, once they have."""
    for index in range(workers):
        while not tf.io.gfile.exists(_done(job, index, workers)):
            time.sleep(LOOK_SECONDS)
    told = []
    for index in range(workers):
        with tf.io.gfile.GFile(_done(job, index, workers)) as stream:
            told.append(json.loads(stream.read()))

    def ordered(split: str) -> tuple[Unit, ...]:
        return tuple(sorted((Unit(**unit) for part in told for unit in part[split]), key=lambda unit: unit.path))

    return Units(ordered("train"), ordered("validation"))


def read_unit(path: tf.Tensor, features: FeatureSet) -> Store:
    """The rows of a unit within a graph, whose shapes are known when it runs."""
    parts = tf.ensure_shape(tf.io.parse_tensor(tf.io.read_file(path), tf.string), [len(PARTS)])
    integers, floats, events_integers, events_floats = map(len, column_names(features))
    widths = {"integers": integers, "floats": floats + TARGETS}
    widths |= {"events_integers": events_integers, "events_floats": events_floats}
    found = {}
    for number, (name, dtype) in enumerate(PARTS):
        tensor = tf.io.parse_tensor(parts[number], dtype)
        found[name] = tf.ensure_shape(tensor, [None] if name == "splits" else [None, widths[name]])
    return Store(features, **found)


def _groups(files: Sequence[str], settings: TrainerSettings) -> list[list[str]]:
    """Files to be read together, of any days and users: a unit of one file's rows would be of few users of one day."""
    groups: list[list[str]] = [[]]
    size = 0
    for place in np.random.default_rng(settings.seed).permutation(len(files)):
        length = GROWTH * tf.io.gfile.stat(files[place]).length
        if groups[-1] and size + length > settings.memory_mb * 2**20:
            groups.append([])
            size = 0
        groups[-1].append(files[place])
        size += length
    return groups


def _units(reader: Reader, files: list[str], prefix: str, seed: int) -> Iterator[Unit]:
    store = load(reader, files) if files else None
    if store is None:
        return
    order = np.random.default_rng(seed).permutation(store.rows)
    for number, rows in enumerate(np.array_split(order, math.ceil(store.rows / UNIT_ROWS))):
        part, path = store.take(rows), f"{prefix}-{number:04}"
        tensors = tf.stack([tf.io.serialize_tensor(getattr(part, name)) for name, _ in PARTS])
        replace_file(path, tf.io.serialize_tensor(tensors).numpy())
        yield Unit(path, part.rows, part.clicks)


def _done(job: Job, index: int, count: int) -> str:
    return f"{job.folder}/units/prepared-{index}-of-{count}.json"
