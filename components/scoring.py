"""Scores published examples with SavedModels, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import apache_beam as beam
import numpy as np
import pyarrow as pa

from scenerank.components import storage
from scenerank.components.saved_model import load_signature
from scenerank.errors import DataError
from scenerank.schemas import Declaration

FRAME = 16
"""Bytes that a TFRecord file adds to a record: its length and two checksums."""


def read_serialized(path: str, batch_size: int) -> Iterator[np.ndarray]:
    """Serialized tf.Examples of a gzipped TFRecord file, as object arrays of at most `batch_size`.

    Raises:
      DataError: the file is damaged.
    """
    import tensorflow as tf

    inflated = 0
    try:
        for batch in tf.data.TFRecordDataset(path, "GZIP").batch(batch_size).prefetch(2).as_numpy_iterator():
            inflated += FRAME * len(batch) + sum(map(len, batch))
            yield batch
    except tf.errors.DataLossError as error:
        raise DataError(f"{path} is damaged ({error.message.split(';')[0]}): ingest its day again") from None
    if inflated % 2**32 != _recorded_size(path):  # TensorFlow takes a file cut between two records for a whole one
        raise DataError(f"{path} is damaged (its end is missing): ingest its day again")


def _recorded_size(path: str) -> int:
    """Uncompressed bytes modulo 2**32, as the last four bytes of a gzip file of one member say."""
    filesystem, where = storage.located(path)
    with filesystem.open_input_file(where) as stream:
        stream.seek(max(stream.size() - 4, 0))
        return int.from_bytes(stream.read(4), "little")


class Scorer:
    """A SavedModel's `serving_default` signature.

    Args:
      path: directory of the SavedModel.
    """

    def __init__(self, path: str):
        self._loaded, self._signature = load_signature(path, "serving_default")

    def __call__(self, serialized: np.ndarray) -> np.ndarray:
        """Probabilities, float32 `[B]`, of serialized tf.Examples `[B]`."""
        import tensorflow as tf

        return self._signature(examples=tf.constant(serialized, tf.string))["probability"].numpy().reshape(-1)


class ScoreBatches(beam.DoFn):
    """File of examples -> RecordBatches with the columns asked for and one float32 column a model.

    Args:
      models: SavedModel directories by the name that their column shall have.
      columns: single-valued columns of the examples to pass through.
    """

    def __init__(self, models: dict[str, str], declaration: Declaration, columns: Sequence[str], batch_size: int):
        self._models = models
        self._declaration = declaration
        self._columns = list(columns)
        self._batch_size = batch_size

    def setup(self) -> None:
        from tfx_bsl.coders import example_coder

        from scenerank.schemas.tfmd import schema

        declared = schema(self._declaration, fairness=True)
        del declared.tensor_representation_group[""]
        kept = [feature for feature in declared.feature if feature.name in self._columns]
        del declared.feature[:]
        declared.feature.extend(kept)
        self._decoder = example_coder.ExamplesToRecordBatchDecoder(declared.SerializeToString())
        self._scorers = {name: Scorer(path) for name, path in self._models.items()}

    def process(self, path: str) -> Iterator[pa.RecordBatch]:
        for serialized in read_serialized(path, self._batch_size):
            decoded = self._decoder.DecodeBatch(serialized.tolist())
            columns = {name: self._flat(decoded.column(name)) for name in self._columns}
            scores = {name: pa.array(scorer(serialized)) for name, scorer in self._scorers.items()}
            yield pa.RecordBatch.from_pydict({**columns, **scores})

    @staticmethod
    def _flat(column: pa.Array) -> pa.Array:
        flat = column.flatten()
        return flat.cast(pa.string()) if pa.types.is_large_binary(flat.type) or pa.types.is_binary(flat.type) else flat
