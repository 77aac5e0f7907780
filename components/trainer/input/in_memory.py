"""Transformed rows in memory, so that parsing and transforming are paid once and not every epoch.

Histories lie end to end without padding; a batch gathers its rows and pads to its own longest history.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from scenerank.components.trainer.input.batches import even_batches
from scenerank.components.transform.example_reader import READ_BATCH, Element, ExampleReader
from scenerank.errors import DataError
from scenerank.schemas import FAIRNESS, HISTORY_LENGTH
from scenerank.schemas.features import FeatureSet

TARGETS = 3
"""Columns at the end of a split's floats, which only training knows."""
COEFFICIENT, LABEL, WEIGHT = -3, -2, -1
PARTS = ("integers", "floats", "events_integers", "events_floats", "splits")
DTYPES = (tf.int32, tf.float32, tf.int32, tf.float32, tf.int64)


@dataclasses.dataclass(frozen=True)
class InMemorySplit:
    """Rows of a split.

    Attributes:
      integers, floats: `[N, columns]` int32 and float32: the features that are no sequences; integers end with the
        bias columns, floats with `fairness_coefficient`, label and weight.
      events_integers, events_floats: `[E + 1, columns]`: sequences end to end; the last row is the padding, all 0.
      splits: int64 `[N + 1]`: where each row's events start and end.
    """

    features: FeatureSet
    integers: tf.Tensor
    floats: tf.Tensor
    events_integers: tf.Tensor
    events_floats: tf.Tensor
    splits: tf.Tensor

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return int(self.integers.shape[0])

    @property
    def nbytes(self) -> int:
        """Memory that the tensors take."""
        parts = (getattr(self, name) for name in PARTS)
        return sum(int(np.prod(p.shape)) * p.dtype.size for p in parts)

    @property
    def clicks(self) -> int:
        """How many rows were clicked."""
        return int(tf.math.count_nonzero(self.floats[:, LABEL]))

    @property
    def labels(self) -> np.ndarray:
        """float32 `[N]`."""
        return self.floats[:, LABEL].numpy()

    @property
    def coefficients(self) -> np.ndarray:
        """Fairness Coefficients, float32 `[N]`."""
        return self.floats[:, COEFFICIENT].numpy()

    def with_coefficients(self, coefficients: np.ndarray) -> InMemorySplit:
        """The same rows with these, float32 `[N]`."""
        floats = self.floats.numpy()
        floats[:, COEFFICIENT] = coefficients
        return dataclasses.replace(self, floats=tf.constant(floats))

    @property
    def scenarios(self) -> np.ndarray:
        """Index of each row's scenario, int32 `[N]`."""
        return self.integer_column(self.features.scenario)

    def integer_column(self, name: str) -> np.ndarray:
        """A categorical feature that is no sequence, or a bias column, int32 `[N]`."""
        return self.integers[:, column_names(self.features)[0].index(name)].numpy()

    def take(self, rows: np.ndarray) -> InMemorySplit:
        """These rows alone, int64 `[M]`, with their events."""
        lengths = tf.gather(self.splits, rows + 1) - tf.gather(self.splits, rows)
        ends = tf.cumsum(lengths)
        event = tf.ragged.range(tf.gather(self.splits, rows), tf.gather(self.splits, rows + 1)).flat_values
        event = tf.concat([event, [tf.shape(self.events_integers, tf.int64)[0] - 1]], 0)  # and the padding
        return InMemorySplit(
            self.features,
            tf.gather(self.integers, rows),
            tf.gather(self.floats, rows),
            tf.gather(self.events_integers, event),
            tf.gather(self.events_floats, event),
            tf.concat([tf.zeros(1, tf.int64), ends], 0),
        )

    @property
    def row_numbers(self) -> tf.Tensor:
        """int64 `[N]`, in a graph where N is known only when it runs, too."""
        return tf.range(tf.shape(self.integers, tf.int64)[0])

    def to_bytes(self) -> bytes:
        """All rows, for `parse`."""
        return tf.io.serialize_tensor(tf.stack([tf.io.serialize_tensor(getattr(self, name)) for name in PARTS])).numpy()

    @classmethod
    def parse(cls, content: tf.Tensor, features: FeatureSet) -> InMemorySplit:
        """The rows of `to_bytes`, a scalar string, also within a graph; their number is known when it runs."""
        parts = tf.ensure_shape(tf.io.parse_tensor(content, tf.string), [len(PARTS)])
        integers, floats, *events = map(len, column_names(features))
        shapes = [[None, width] for width in (integers, floats + TARGETS, *events)] + [[None]]
        found = (tf.io.parse_tensor(parts[number], dtype) for number, dtype in enumerate(DTYPES))
        return cls(features, *(tf.ensure_shape(tensor, shape) for tensor, shape in zip(found, shapes)))

    def steps(self, batch_size: int) -> int:
        """Batches in one pass over the rows, at least 1."""
        return max(1, math.ceil(self.rows / batch_size))

    def batch(self, rows: tf.Tensor) -> Element:
        """The element of these row numbers, int64 `[B]`."""
        names = column_names(self.features)
        integers = tf.cast(tf.gather(self.integers, rows), tf.int64)
        floats = tf.gather(self.floats, rows)
        out = dict(zip(names[0], tf.unstack(integers, num=len(names[0]), axis=1)))
        out.update(zip([*names[1], FAIRNESS], tf.unstack(floats, num=len(names[1]) + TARGETS, axis=1)))
        label, weight = floats[:, LABEL], floats[:, WEIGHT]
        if names[2] or names[3]:
            start, end = tf.gather(self.splits, rows), tf.gather(self.splits, rows + 1)
            length = end - start
            place = tf.range(tf.maximum(tf.reduce_max(length), 1))
            padding = tf.shape(self.events_integers, tf.int64)[0] - 1
            event = tf.where(place < length[:, tf.newaxis], start[:, tf.newaxis] + place, padding)
            integers = tf.cast(tf.gather(self.events_integers, event), tf.int64)
            out.update(zip(names[2], tf.unstack(integers, num=len(names[2]), axis=2)))
            out.update(zip(names[3], tf.unstack(tf.gather(self.events_floats, event), num=len(names[3]), axis=2)))
            out[HISTORY_LENGTH] = length
        return out, label, weight

    def training(self, steps: int, *, seed: int, epoch: int = 0, step: int = 0) -> tf.data.Dataset:
        """Endless batches, `steps` an epoch, all rows in a new order each epoch.

        The order follows from `seed` and the epoch's number alone: started at (`epoch`, `step`) it gives what
        an uninterrupted run would give there.
        """

        def one_epoch(number: tf.Tensor) -> tf.data.Dataset:
            order = tf.random.experimental.stateless_shuffle(
                tf.range(self.rows, dtype=tf.int64), seed=tf.stack([tf.cast(seed, tf.int64), number])
            )
            return even_batches(tf.data.Dataset.from_tensors(order), self.rows, steps)

        return self._gathered(tf.data.Dataset.range(epoch, tf.int64.max).flat_map(one_epoch).skip(step))

    def evaluation(self, steps: int) -> tf.data.Dataset:
        """All rows once, in order, in `steps` batches."""
        rows = tf.data.Dataset.from_tensors(tf.range(self.rows, dtype=tf.int64))
        return self._gathered(even_batches(rows, self.rows, steps))

    def _gathered(self, rows: tf.data.Dataset) -> tf.data.Dataset:
        return rows.map(self.batch, tf.data.AUTOTUNE, deterministic=True).prefetch(4)


def load(reader: ExampleReader, files: list[str], limit_bytes: float = math.inf) -> InMemorySplit | None:
    """Reads the files; None if they hold no row, or as soon as they turn out to need more than `limit_bytes`.

    Raises:
      DataError: a file is truncated, a row cannot be parsed, or its histories differ in length.
    """
    parts: list[list[np.ndarray]] = [[], [], [], [], []]
    size = 0
    batches = (
        reader.records(files).batch(READ_BATCH).map(_packing(reader), tf.data.AUTOTUNE, deterministic=True).prefetch(2)
    )
    try:
        for arrays in batches.as_numpy_iterator():
            for part, array in zip(parts, arrays):
                part.append(array)
                size += array.nbytes
            if size > limit_bytes:
                return None
    except (tf.errors.InvalidArgumentError, tf.errors.DataLossError) as error:
        reason = error.message.strip().splitlines()[0]
        raise DataError(f"{files[0]} or a file beside it holds broken examples ({reason}): ingest again") from None
    if not parts[0]:
        return None
    for part in parts[2:4]:
        part.append(np.zeros((1, part[0].shape[1]), part[0].dtype))
    parts[4].insert(0, np.zeros(1, np.int64))
    with tf.device("/cpu:0"):
        joined = [tf.constant(np.concatenate(part)) for part in parts]
        joined[4] = tf.cumsum(joined[4])
    return InMemorySplit(reader.features, *joined)


@functools.lru_cache(1)
def _packing(reader: ExampleReader) -> Callable[[tf.Tensor], tuple[tf.Tensor, ...]]:
    """A function of serialized examples, string `[B]`: what `load` joins. Traced once for all days of a training."""
    names = column_names(reader.features)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    def packed(serialized: tf.Tensor) -> tuple[tf.Tensor, ...]:
        features, label, weight = reader.element(serialized)
        integers, floats, events_integers, events_floats = ([features[n] for n in group] for group in names)
        sequences = [*events_integers, *events_floats]
        splits = sequences[0].row_lengths() if sequences else tf.zeros_like(label, tf.int64)
        for sequence in sequences:
            tf.debugging.assert_equal(sequence.row_lengths(), splits, "histories of a row differ in length")
        rows, events = tf.shape(label)[0], tf.reduce_sum(splits)
        return (
            _stack([tf.cast(x, tf.int32) for x in integers], rows, tf.int32),
            tf.stack([*floats, features[FAIRNESS], label, weight], axis=1),
            _stack([tf.cast(x.flat_values, tf.int32) for x in events_integers], events, tf.int32),
            _stack([x.flat_values for x in events_floats], events, tf.float32),
            splits,
        )

    return packed


def _stack(columns: list[tf.Tensor], rows: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    return tf.stack(columns, axis=1) if columns else tf.zeros(tf.stack([tf.cast(rows, tf.int32), 0]), dtype)


def column_names(features: FeatureSet) -> tuple[list[str], list[str], list[str], list[str]]:
    """Names of integers (the bias columns last), floats, events' integers and events' floats."""

    def chosen(sequence: bool, categorical: bool) -> list[str]:
        return [f.name for f in features.features if (f.sequence, f.categorical) == (sequence, categorical)]

    bias = [column.name for column in features.bias]
    return [*chosen(False, True), *bias], chosen(False, False), chosen(True, True), chosen(True, False)
