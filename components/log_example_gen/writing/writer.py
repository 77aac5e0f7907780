"""Writes a partition's examples as one gzipped TFRecord file of tf.Examples."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

import pyarrow as pa

from scenerank.components import storage
from scenerank.components.log_example_gen.writing.tf_example import encode

ASIDE = ".aside"


def file_name(partition: int, partitions: int) -> str:
    """As Beam's own writers name shards."""
    return f"data_tfrecord-{partition:05d}-of-{partitions:05d}.gz"


def write(folder: str, split_folder: str, name: str, batches: Iterable[pa.RecordBatch], level: int) -> int:
    """Writes `split_folder/name` in one step, over what a failed attempt left; returns the number of examples.

    Equal batches give equal bytes.

    Args:
      folder: where half-written files may lie.
      level: of gzip.
    """
    import tensorflow as tf  # workers that only read do without

    aside = f"{folder}/{ASIDE}/{name}.{uuid.uuid4().hex}"
    storage.make_folder(f"{folder}/{ASIDE}")
    examples = 0
    with tf.io.TFRecordWriter(aside, tf.io.TFRecordOptions("GZIP", compression_level=level)) as writer:
        for batch in batches:
            for record in encode(batch):
                writer.write(record)
            examples += batch.num_rows
    storage.move(aside, f"{split_folder}/{name}")
    return examples


def clean(folder: str) -> None:
    """Removes what failed attempts left."""
    storage.delete(f"{folder}/{ASIDE}")
