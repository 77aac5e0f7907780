"""Parquet files that hold code, in processes of their own: the reader is the first to import anything."""

from __future__ import annotations

import pickle
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scenerank.components.compat import UNPICKLES

READERS = {
    "predict and ask": "from scenerank.pipeline.serving.columns import read_table; read_table({path!r})",
    "ingestion's layout": (
        "from scenerank.components.log_example_gen.reading.files import day_slices; "
        "from scenerank.components.workspace import Workspace; "
        "from scenerank.schemas import load_declaration; "
        "day_slices(Workspace({folder!r}), load_declaration('simulator'), '2024-03-01')"
    ),
    "any reader of Parquet": "import scenerank.components, pyarrow.parquet as pq; pq.read_table({path!r})",
}


class Evil:
    def __init__(self, mark: str):
        self.mark = mark

    def __reduce__(self):
        return open, (self.mark, "w")


@pytest.fixture
def evil(tmp_path):
    """A file whose only column has a type that, when unpickled, writes the file `ran`."""
    extension = {
        "ARROW:extension:name": "arrow.py_extension_type",
        "ARROW:extension:metadata": pickle.dumps(Evil(str(tmp_path / "ran")), 0),
    }
    schema = pa.schema([pa.field("user_id", pa.string(), metadata=extension)])
    folder = tmp_path / "logs" / "day=2024-03-01"
    folder.mkdir(parents=True)
    pq.write_table(pa.table({"user_id": ["u"]}, schema), folder / "evil.parquet")
    return folder / "evil.parquet"


@pytest.mark.parametrize("reader", READERS)
def test_code_in_a_file_is_refused_and_not_run(reader, evil, tmp_path):
    """In a process of its own that has imported nothing else."""
    code = READERS[reader].format(path=str(evil), folder=str(tmp_path))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert not (tmp_path / "ran").exists()
    if reader != "any reader of Parquet":
        message = done.stderr.strip().splitlines()[-1]
        assert done.returncode == 1
        assert "evil.parquet" in message and "holds Python code, which is not run" in message


def test_without_the_guard_an_old_pyarrow_runs_the_code(evil, tmp_path):
    code = f"import pyarrow.parquet as pq; pq.read_table({str(evil)!r})"
    subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (tmp_path / "ran").exists() == UNPICKLES
