import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.errors import DataRefused
from pipeline.columns import read_table
from pipeline.predict import _write, score_table
from tests.components.tiny import DECLARATION, table, trained


@pytest.fixture(scope="module")
def model():
    return str(trained() / "run/model/Format-Serving")


@pytest.mark.slow
def test_histories_may_be_absent(model):
    rows = pa.Table.from_batches([table(20)])
    flat = rows.select([c.name for c in DECLARATION.features])
    scores = score_table(model, DECLARATION, flat, "memory")
    assert scores.shape == (20,)
    assert ((scores > 0) & (scores < 1)).all()
    empty = flat
    for column in DECLARATION.history_columns:
        nothing = pa.array([[]] * 20, column.arrow_type)
        empty = empty.append_column(column.name, nothing)
    assert score_table(model, DECLARATION, empty, "memory") == pytest.approx(scores, abs=1e-6)


@pytest.mark.slow
def test_histories_count(model):
    rows = pa.Table.from_batches([table(50)])
    kept = [name for name in rows.column_names if name in {*DECLARATION.example_schema.names}]
    with_history = score_table(model, DECLARATION, rows.select(kept), "memory")
    without = score_table(model, DECLARATION, rows.select([c.name for c in DECLARATION.features]), "memory")
    assert abs(with_history - without).max() > 1e-4


@pytest.mark.slow
def test_a_missing_column_is_named(model):
    rows = pa.Table.from_batches([table(5)]).select(["scenario"])
    with pytest.raises(DataRefused, match="rows.jsonl lacks column"):
        score_table(model, DECLARATION, rows, "rows.jsonl")


@pytest.mark.parametrize("name", ["out.parquet", "out.jsonl", "out.jsonl.gz"])
def test_files_come_back(tmp_path, name):
    rows = pa.table({"item": ["a", "b"], "probability": [0.25, 0.5]})
    _write(rows, str(tmp_path / name))
    assert read_table(str(tmp_path / name)).to_pylist() == rows.to_pylist()


def test_unreadable_files_are_refused(tmp_path):
    broken = tmp_path / "rows.jsonl"
    broken.write_text(json.dumps({"a": 1}) + "\n{")
    with pytest.raises(DataRefused, match="rows.jsonl cannot be read"):
        read_table(str(broken))
    pq.write_table(pa.table({"a": [1]}), tmp_path / "rows.parquet")
    (tmp_path / "rows.parquet").write_bytes((tmp_path / "rows.parquet").read_bytes()[:-9])
    with pytest.raises(DataRefused, match="rows.parquet cannot be read"):
        read_table(str(tmp_path / "rows.parquet"))
    with pytest.raises(DataRefused, match="does not exist"):
        read_table(str(tmp_path / "nothing.jsonl"))
