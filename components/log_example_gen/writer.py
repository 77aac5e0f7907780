"""Writes a partition's examples as one gzipped TFRecord file of tf.Examples."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

import pyarrow as pa
from tfx.dsl.io import fileio

from components.log_example_gen.tf_example import encode, encode_array
from components.log_example_gen.tf_record import TFRecordWriter

__all__ = ["clean", "encode", "file_name", "write"]

ASIDE = ".aside"


def file_name(partition: int, partitions: int) -> str:
    """As Beam's own writers name shards."""
    return f"data_tfrecord-{partition:05d}-of-{partitions:05d}.gz"


def write(folder: str, split_folder: str, name: str, batches: Iterable[pa.RecordBatch], level: int) -> int:
    """Writes `split_folder/name` in one step, over what a failed attempt left; returns the number of examples.

    Args:
      folder: where half-written files may lie.
      level: of gzip.
    """
    aside = f"{folder}/{ASIDE}/{name}.{uuid.uuid4().hex}"
    fileio.makedirs(f"{folder}/{ASIDE}")
    examples = 0
    with fileio.open(aside, "wb") as file, TFRecordWriter(file, level) as writer:
        for batch in batches:
            writer.write(encode_array(batch))
            examples += batch.num_rows
    fileio.makedirs(split_folder)
    fileio.rename(aside, f"{split_folder}/{name}", overwrite=True)
    return examples


def clean(folder: str) -> None:
    """Removes what failed attempts left."""
    if fileio.exists(f"{folder}/{ASIDE}"):
        fileio.rmtree(f"{folder}/{ASIDE}")
