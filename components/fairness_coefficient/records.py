"""Files of serialized tf.Examples: batches in, keys out, one feature more written back."""

from __future__ import annotations

import collections
import itertools
import operator
import uuid
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import tensorflow as tf
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx_bsl.coders import example_coder

from scenerank.components import storage
from scenerank.errors import DataError
from scenerank.schemas.columns import FAIRNESS
from scenerank.schemas.declaration import Declaration

BATCH = 4096


class Columns(NamedTuple):
    """Columns of a batch `[n]`: keys int64 or string as declared; the flag of interventions int64, None without one."""

    scenario: pa.Array
    item: pa.Array
    intervened: pa.Array | None


class ColumnDecoder:
    """Reads scenario, item and, where it is declared, the flag of interventions from serialized examples."""

    def __init__(self, declaration: Declaration):
        flag = declaration.intervention
        self._columns = (declaration.scenario, declaration.item, *([flag] if flag else []))
        schema = schema_pb2.Schema()
        for column in self._columns:
            kind = schema_pb2.BYTES if column.type == "string" else schema_pb2.INT
            schema.feature.add(name=column.name, type=kind)
        self._decoder = example_coder.ExamplesToRecordBatchDecoder(schema.SerializeToString())

    def __call__(self, records: np.ndarray) -> Columns:
        """Raises:
        DataError: a record that is no tf.Example or has not exactly one value of a column.
        """
        try:
            batch = self._decoder.DecodeBatch(records.tolist())
        except RuntimeError as error:
            raise DataError(f"a record is no tf.Example ({error}): ingest its day again") from None
        out = []
        for column, values in zip(self._columns, batch.columns):
            lengths = np.diff(values.offsets.to_numpy())
            if values.null_count or not (lengths == 1).all():
                row = int(np.argmin((lengths == 1) & values.is_valid().to_numpy(zero_copy_only=False)))
                raise DataError(f"record {row} of a batch has not exactly one {column.name!r}: ingest its day again")
            flat = values.flatten()
            out.append(flat.cast(pa.large_string()).cast(pa.string()) if column.type == "string" else flat)
        return Columns(out[0], out[1], out[2] if len(out) > 2 else None)


def append_fairness(records: Iterable[bytes], fc: np.ndarray) -> Iterator[bytes]:
    """Each record with float feature `fairness_coefficient` added.

    Serialized messages laid end to end are the merged message, by the rules of protocol buffers, and a map
    takes the last entry of a key: nothing of the record is read or written anew.
    """
    values = pa.array(fc, pa.float32())
    column = pa.ListArray.from_arrays(pa.array(np.arange(len(values) + 1, dtype=np.int32)), values)
    batch = pa.RecordBatch.from_arrays([column], [FAIRNESS])
    return map(operator.add, records, example_coder.RecordBatchToExamplesEncoder().encode(batch))


def write_records(path: str, aside: str, batches: Iterable[Iterable[bytes]]) -> None:
    """Writes a gzipped TFRecord file in one step: in folder `aside` first. Same records, same bytes."""
    storage.make_folder(aside)
    unfinished = f"{aside}/{uuid.uuid4().hex}"
    with tf.io.TFRecordWriter(unfinished, "GZIP") as writer:
        collections.deque(map(writer.write, itertools.chain.from_iterable(batches)), maxlen=0)
    storage.move(unfinished, path)
