"""Transformed rows as files that a parameter server's worker reads without Python.

A chunk is a few thousand rows: what the chief hands to whichever worker is free, and what is learned from again where a
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

import numpy as np
import tensorflow as tf

from scenerank.components import storage
from scenerank.components.trainer.input.distributed import SplitTotals
from scenerank.components.trainer.input.in_memory import InMemorySplit, load
from scenerank.components.trainer.input.sharding import InputShard
from scenerank.components.trainer.job import Job
from scenerank.components.trainer.settings import TrainerSettings
from scenerank.components.transform.example_reader import ExampleReader
from scenerank.schemas.features import FeatureSet

LOOK_SECONDS = 0.5
CHUNK_ROWS = 16384
GROWTH = 8
"""Bytes in memory, at most, of a byte of a file."""


@dataclasses.dataclass(frozen=True)
class Chunk:
    """Rows in one file. Attributes: path; rows, clicks: how many."""

    path: str
    rows: int
    clicks: int


@dataclasses.dataclass(frozen=True)
class Chunks:
    """Chunks of both splits, in a fixed order."""

    train: tuple[Chunk, ...]
    validation: tuple[Chunk, ...]


def totals(chunks: Sequence[Chunk]) -> SplitTotals:
    """Sums over chunks."""
    rows = sum(chunk.rows for chunk in chunks)
    return SplitTotals(rows, sum(chunk.clicks for chunk in chunks), rows)


def prepare_chunks(job: Job, share: InputShard) -> None:
    """Transforms the share's files into chunks, unless an earlier attempt did.

    Raises:
      DataError: see `in_memory.load`.
    """
    done = _done(job, share.index, share.count)
    if storage.exists(done):
        return
    reader = ExampleReader.of(job.declared, job.transform_output)
    found: dict[str, list[dict[str, Any]]] = {"train": [], "validation": []}
    for split, files in (("train", job.train_files), ("validation", job.validation_files)):
        groups = _groups(share.of(files), job.trainer)
        for number, group in enumerate(groups):
            prefix = f"{job.folder}/chunks/{split}-{share.index}-of-{share.count}-{number:04}"
            found[split] += map(dataclasses.asdict, _chunks(reader, group, prefix, job.trainer.seed))
    storage.write(done, json.dumps(found))


def wait_for_chunks(job: Job, workers: int) -> Chunks:
    """What all workers have prepared, once they have."""
    for index in range(workers):
        while not storage.exists(_done(job, index, workers)):
            time.sleep(LOOK_SECONDS)
    parts = []
    for index in range(workers):
        parts.append(storage.read_json(_done(job, index, workers)))

    def ordered(split: str) -> tuple[Chunk, ...]:
        return tuple(sorted((Chunk(**chunk) for part in parts for chunk in part[split]), key=lambda chunk: chunk.path))

    return Chunks(ordered("train"), ordered("validation"))


def read_chunk(path: tf.Tensor, features: FeatureSet) -> InMemorySplit:
    """The rows of a chunk, within a graph."""
    return InMemorySplit.parse(tf.io.read_file(path), features)


def _groups(files: Sequence[str], settings: TrainerSettings) -> list[list[str]]:
    """Files to be read together, of any days and users: a chunk of one file's rows would be of few users of one day."""
    groups: list[list[str]] = [[]]
    size = 0
    for place in np.random.default_rng(settings.seed).permutation(len(files)):
        length = GROWTH * storage.size(files[place])
        if groups[-1] and size + length > settings.memory_mb * 2**20:
            groups.append([])
            size = 0
        groups[-1].append(files[place])
        size += length
    return groups


def _chunks(reader: ExampleReader, files: list[str], prefix: str, seed: int) -> Iterator[Chunk]:
    store = load(reader, files) if files else None
    if store is None:
        return
    order = np.random.default_rng(seed).permutation(store.rows)
    for number, rows in enumerate(np.array_split(order, math.ceil(store.rows / CHUNK_ROWS))):
        part, path = store.take(rows), f"{prefix}-{number:04}"
        storage.write(path, part.to_bytes())
        yield Chunk(path, part.rows, part.clicks)


def _done(job: Job, index: int, count: int) -> str:
    return f"{job.folder}/chunks/prepared-{index}-of-{count}.json"
