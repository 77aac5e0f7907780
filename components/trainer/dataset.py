"""Examples on disk to batches of transformed features.

Records are batched first, then parsed and transformed a batch at a time. An element is
`(features, label, weight)`: features as the transform graph gives them (histories ragged) with
`fairness_coefficient` and the bias columns beside them, label and weight float32 `[B]`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import models  # noqa: F401  (legacy Keras has to be chosen before TensorFlow is imported)

import tensorflow as tf  # isort: skip
import tensorflow_transform as tft  # isort: skip
import numpy as np

from components.transform import raw
from components.transform.graph import TransformGraph
from components.transform.preprocessing import resolved_features
from components.transform.rows import bias_rows
from schemas import FAIRNESS, Declaration
from schemas.features import FeatureSet

READ_BATCH = 4096
Element = tuple[dict[str, "tf.Tensor | tf.RaggedTensor"], tf.Tensor, tf.Tensor]


def expand(patterns: Sequence[str]) -> list[str]:
    """Files behind the patterns, in a fixed order; none where a folder is empty or absent."""
    return sorted(file for pattern in patterns for file in tf.io.gfile.glob(pattern) if not tf.io.gfile.isdir(file))


def files_of(day: str, files: Sequence[str]) -> list[str]:
    """Those of one day of a window, see `components.examples_window.component`."""
    return [file for file in files if file.rsplit("/", 1)[-1].startswith(f"{day}-")]


@dataclasses.dataclass(frozen=True, eq=False)
class Reader:
    """How examples become elements; one transform graph, loaded once."""

    declaration: Declaration
    features: FeatureSet
    graph: TransformGraph

    @classmethod
    def of(cls, declaration: Declaration, transform_output: str) -> Reader:
        """Reads Transform's output folder."""
        output = tft.TFTransformOutput(transform_output)
        graph = TransformGraph(output, raw.feature_spec(declaration))
        return cls(declaration, resolved_features(declaration, output), graph)

    def element(self, serialized: tf.Tensor) -> Element:
        """Parses and transforms a batch: string `[B]`."""
        spec, targets = raw.feature_spec(self.declaration), raw.target_spec(self.declaration)
        parsed = tf.io.parse_example(serialized, {**spec, **targets})
        features = self.graph({name: parsed[name] for name in spec})
        features[FAIRNESS] = parsed[FAIRNESS]
        features |= bias_rows(self.declaration, parsed)
        label = tf.cast(parsed[self.declaration.label.name], tf.float32)
        column = self.declaration.weight
        weight = tf.cast(parsed[column.name], tf.float32) if column else tf.ones_like(label)
        return features, label, weight

    def dense(self, features: dict[str, tf.Tensor | tf.RaggedTensor], label: tf.Tensor, weight: tf.Tensor) -> Element:
        """Pads the histories of an element; what a model is called with."""
        known = {name: features[name] for name in (FAIRNESS, *(column.name for column in self.features.bias))}
        return {**raw.densify(features, self.features), **known}, label, weight

    def records(self, files: Sequence[str]) -> tf.data.Dataset:
        """Serialized examples, file after file."""
        return tf.data.TFRecordDataset(list(files), compression_type="GZIP", buffer_size=2**20)


@dataclasses.dataclass(frozen=True)
class Files:
    """Rows of a split that are read from disk in every epoch; the same methods as `Store`.

    Attributes:
      rows, clicks: how many.
      buffer: rows among which is shuffled.
    """

    reader: Reader
    files: tuple[str, ...]
    rows: int
    clicks: int
    buffer: int

    @classmethod
    def of(cls, reader: Reader, files: Sequence[str], buffer: int) -> Files:
        """Counts the rows."""
        label = reader.declaration.label.name
        spec = {label: raw.target_spec(reader.declaration)[label]}
        rows = clicks = 0
        batches = reader.records(files).batch(READ_BATCH)
        for labels in batches.map(lambda serialized: tf.io.parse_example(serialized, spec)[label]).as_numpy_iterator():
            rows, clicks = rows + len(labels), clicks + int(labels.sum())
        return cls(reader, tuple(files), rows, clicks, buffer)

    def steps(self, batch_size: int) -> int:
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


def even_batches(dataset: tf.data.Dataset, rows: int, steps: int) -> tf.data.Dataset:
    """The dataset's `rows` rows in `steps` batches whose sizes differ by one at most.

    Their static size is unknown even where all are alike: a model is then traced once for all days.
    """
    sizes = np.diff(np.arange(steps + 1, dtype=np.int64) * rows // steps)
    never_reached = sizes[-1:] + 1
    return dataset.rebatch(np.concatenate([sizes, never_reached]))
