"""Writes a partition's examples as one gzipped TFRecord file of tf.Examples."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

import pyarrow as pa

import models  # noqa: F401  (sets up Keras before TensorFlow is imported)

# isort: split
import tensorflow as tf

from components.log_example_gen.tf_example import encode

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
    tf.io.gfile.makedirs(f"{folder}/{ASIDE}")
    examples = 0
    options = tf.io.TFRecordOptions(compression_type="GZIP", compression_level=level)
    with tf.io.TFRecordWriter(aside, options) as writer:
        for batch in batches:
            for record in encode(batch):
                writer.write(record)
            examples += batch.num_rows
    tf.io.gfile.makedirs(split_folder)
    tf.io.gfile.rename(aside, f"{split_folder}/{name}", overwrite=True)
    return examples


def clean(folder: str) -> None:
    """Removes what failed attempts left."""
    if tf.io.gfile.exists(f"{folder}/{ASIDE}"):
        tf.io.gfile.rmtree(f"{folder}/{ASIDE}")
