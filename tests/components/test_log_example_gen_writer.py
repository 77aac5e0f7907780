"""Files of examples, read by TensorFlow."""

from __future__ import annotations

import types

import pyarrow as pa
import pytest
import tensorflow as tf

from scenerank.components.log_example_gen.writing import writer

NAME = writer.file_name(0, 1)
BATCHES = [pa.RecordBatch.from_pydict({"x": [1, 2]}), pa.RecordBatch.from_pydict({"x": [300]})]


@pytest.mark.parametrize("level", [1, 9])
def test_tensorflow_reads_what_is_written(tmp_path, level):
    assert writer.write(str(tmp_path), str(tmp_path / "split"), NAME, BATCHES, level) == 3
    found = tf.data.TFRecordDataset(str(tmp_path / "split" / NAME), "GZIP").as_numpy_iterator()
    assert [tf.train.Example.FromString(r).features.feature["x"].int64_list.value[0] for r in found] == [1, 2, 300]
    writer.clean(str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["split"]


def test_equal_batches_give_equal_files_over_what_was_there(tmp_path):
    files = []
    for split in ("a", "b", "b"):
        writer.write(str(tmp_path), str(tmp_path / split), NAME, BATCHES, 1)
        files.append((tmp_path / split / NAME).read_bytes())
    assert files[0] == files[1] == files[2]


def test_a_full_disk_is_no_secret(tmp_path, monkeypatch):
    monkeypatch.setattr(writer.uuid, "uuid4", lambda: types.SimpleNamespace(hex="full"))
    (tmp_path / writer.ASIDE).mkdir()
    (tmp_path / writer.ASIDE / f"{NAME}.full").symlink_to("/dev/full")
    with pytest.raises(tf.errors.ResourceExhaustedError, match="No space left"):
        writer.write(str(tmp_path), str(tmp_path / "split"), NAME, BATCHES, 1)
    assert not (tmp_path / "split").exists()
