"""TFRecord files of our own, read by TensorFlow."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import models  # noqa: F401

# isort: split
import tensorflow as tf

from components.log_example_gen.tf_record import TFRecordWriter, frame


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.binary(max_size=300), max_size=5), max_size=5), st.sampled_from([1, 9]))
def test_tensorflow_reads_what_is_written(tmp_path, blocks, level):
    path = tmp_path / "records.gz"
    with path.open("wb") as file, TFRecordWriter(file, level) as writer:
        for block in blocks:
            writer.write(pa.array(block, pa.binary()))
    found = list(tf.data.TFRecordDataset(str(path), "GZIP").as_numpy_iterator())
    assert found == [record for block in blocks for record in block]


def test_bytes_are_those_of_tensorflow(tmp_path):
    records = [b"", b"one", b"x" * 5000]
    with tf.io.TFRecordWriter(str(tmp_path / "theirs")) as writer:
        for record in records:
            writer.write(record)
    assert bytes(frame(pa.array([b"cut off", *records], pa.binary())[1:])) == (tmp_path / "theirs").read_bytes()


def test_a_failing_disk_is_no_secret(tmp_path):
    class Full:
        def write(self, data):
            raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"), TFRecordWriter(Full(), 1) as writer:
        writer.write(pa.array([b"one"]))
        writer.write(pa.array([b"two"]))
