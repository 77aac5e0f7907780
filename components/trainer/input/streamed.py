"""Rows of a split that do not fit into memory: read from disk, parsed and transformed in every epoch."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import tensorflow as tf

from scenerank.components.trainer.input.batches import even_batches
from scenerank.components.transform import raw
from scenerank.components.transform.example_reader import READ_BATCH, Element, ExampleReader


@dataclasses.dataclass(frozen=True)
class StreamedSplit:
    """Rows of a split that are read from disk in every epoch; the same methods as `Store`.

    Attributes:
      rows, clicks: how many.
      buffer: rows among which is shuffled.
    """

    reader: ExampleReader
    files: tuple[str, ...]
    rows: int
    clicks: int
    buffer: int

    @classmethod
    def of(cls, reader: ExampleReader, files: Sequence[str], buffer: int) -> StreamedSplit:
        """Counts the rows."""
        label = reader.declaration.label.name
        spec = {label: raw.target_spec(reader.declaration)[label]}
        rows = clicks = 0
        batches = reader.records(files).batch(READ_BATCH)
        for labels in batches.map(lambda serialized: tf.io.parse_example(serialized, spec)[label]).as_numpy_iterator():
            rows, clicks = rows + len(labels), clicks + int(labels.sum())
        return cls(reader, tuple(files), rows, clicks, buffer)

    def steps(self, batch_size: int) -> int:
        """Batches in one pass over the rows, at least 1."""
        return max(1, math.ceil(self.rows / batch_size))

    def training(self, steps: int, *, seed: int, epoch: int = 0, step: int = 0) -> tf.data.Dataset:
        """Endless batches, `steps` an epoch; files and records (within the buffer) are shuffled anew each epoch.

        The order follows from `seed` and the epoch's number alone: started at (`epoch`, `step`) it gives what
        an uninterrupted run would give there.
        """

        def one_epoch(number: tf.Tensor) -> tf.data.Dataset:
            seeds = tf.stack([tf.cast(seed, tf.int64), number])
            order = tf.random.experimental.stateless_shuffle(tf.constant(self.files), seed=seeds)
            records = tf.data.Dataset.from_tensor_slices(order).interleave(
                lambda file: tf.data.TFRecordDataset(file, compression_type="GZIP", buffer_size=2**20),
                cycle_length=4,
                num_parallel_calls=tf.data.AUTOTUNE,
                deterministic=True,
            )

            # Dataset.shuffle takes no seed that is a tensor
            def shuffled(block: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
                fold = tf.random.experimental.stateless_fold_in(seeds, block)
                return tf.random.experimental.stateless_shuffle(rows, seed=fold)

            return even_batches(records.batch(self.buffer).enumerate().map(shuffled), self.rows, steps)

        batches = tf.data.Dataset.range(epoch, tf.int64.max).flat_map(one_epoch).skip(step)
        return batches.map(self._dense, tf.data.AUTOTUNE, deterministic=True).prefetch(4)

    def evaluation(self, steps: int) -> tf.data.Dataset:
        """All rows once, in order, in `steps` batches."""
        batches = even_batches(self.reader.records(self.files).batch(READ_BATCH), self.rows, steps)
        return batches.map(self._dense, tf.data.AUTOTUNE, deterministic=True).prefetch(2)

    def _dense(self, serialized: tf.Tensor) -> Element:
        return self.reader.dense(*self.reader.element(serialized))
