import gzip
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scenerank.errors import DataError
from scenerank.pipeline.serving.columns import columns, read_rows, read_table
from scenerank.pipeline.serving.predict import _write, _write_scored, score_table
from tests.components.ingestion import declare, row
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
    with pytest.raises(DataError, match="rows.jsonl lacks column"):
        score_table(model, DECLARATION, rows, "rows.jsonl")


@pytest.mark.parametrize("name", ["out.parquet", "out.jsonl", "out.jsonl.gz"])
def test_files_come_back(tmp_path, name):
    rows = pa.table({"item": ["a", "b"], "probability": [0.25, 0.5]})
    _write(rows, str(tmp_path / name))
    assert read_table(str(tmp_path / name)).to_pylist() == rows.to_pylist()


def test_unreadable_files_are_refused(tmp_path):
    broken = tmp_path / "rows.jsonl"
    broken.write_text(json.dumps({"a": 1}) + "\n{")
    with pytest.raises(DataError, match="rows.jsonl cannot be read"):
        read_table(str(broken))
    pq.write_table(pa.table({"a": [1]}), tmp_path / "rows.parquet")
    (tmp_path / "rows.parquet").write_bytes((tmp_path / "rows.parquet").read_bytes()[:-9])
    with pytest.raises(DataError, match="rows.parquet cannot be read"):
        read_table(str(tmp_path / "rows.parquet"))
    with pytest.raises(DataError, match="does not exist"):
        read_table(str(tmp_path / "nothing.jsonl"))


LINES = [
    b'{"scene": "home", "user": "u", "age": 3, "item": 12, "t": "2024-03-01", "id": 12345678901234567890, "x": 1.0}',
    b' {"item":"i","scene":"home","user":"u","age":3 , "x": [1,{"a":null}], "s":"\xff\\u00e9" } \r',
]
CSV = b"""scene,user,age,item,"w,hen",x
home,u,3,12,2024-03-01,""
home,u,03,2024-03-01,"1,5","a""b"
"""
SCORES = np.array([0.5, 0.25], np.float32)


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_lines_come_back_as_they_were(tmp_path, ending):
    source, target = tmp_path / f"in.ndjson{ending}", tmp_path / f"out.jsonl{ending}"
    pack, unpack = (gzip.compress, gzip.decompress) if ending else (bytes, bytes)
    source.write_bytes(pack(b"\n\n".join(LINES)))
    _write_scored(read_rows(str(source), declare()), SCORES, str(target))
    first, second = unpack(target.read_bytes()).splitlines()
    assert first == LINES[0][:-1] + b', "probability": 0.5}'
    assert second == LINES[1].rstrip()[:-2] + b', "probability": 0.25}'


def test_scores_of_before_are_replaced(tmp_path):
    source, target = str(tmp_path / "in.jsonl"), str(tmp_path / "out.jsonl")
    (tmp_path / "in.jsonl").write_text("\n".join(json.dumps({**row(), "probability": p}) for p in (0.1, None)))
    _write_scored(read_rows(source, declare()), SCORES, target)
    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [{**row(), "probability": p} for p in SCORES.tolist()]


def test_cells_come_back_as_they_were(tmp_path):
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_bytes(CSV)
    _write_scored(read_rows(str(source), declare()), SCORES, str(target))
    lines = CSV.splitlines()
    added = zip(lines, (b",probability", b",0.5", b",0.25"))
    assert target.read_bytes().splitlines() == [line + end for line, end in added]
    _write_scored(read_rows(str(source), declare()), SCORES, str(tmp_path / "out.pq"))
    assert pq.read_table(tmp_path / "out.pq").column("w,hen").to_pylist() == ["2024-03-01", "1,5"]


def test_columns_of_parquet_come_back_as_they_were(tmp_path):
    table = pa.table({**pa.Table.from_pylist([row(), row(1)]).to_pydict(), "more": pa.array([[1], None])})
    table = table.set_column(3, "age", pa.array([3, 4], pa.int8()))
    pq.write_table(table, tmp_path / "in.pq")
    _write_scored(read_rows(str(tmp_path / "in.pq"), declare()), SCORES, str(tmp_path / "out.parquet"))
    assert pq.read_table(tmp_path / "out.parquet") == table.append_column("probability", pa.array(SCORES))


def test_an_id_does_not_depend_on_its_neighbours(tmp_path):
    ids = [2**53 + 1, 2**62 + 1, 7]
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps(row(item=i)) for i in ids))
    assert read_table(str(tmp_path / "a.jsonl"), declare()).column("item").to_pylist() == list(map(str, ids))


BAD = {
    "item": (["1.5"], "'1.5' is refused (not text)"),
    "age": (['"thirty"'], "'thirty' is refused (not an integer)"),
    "user": (["null", '" "'], "is refused (missing)"),
    "history_item": (["[1.5]", '"i"'], "is refused (not a list of texts)"),
    "history_price": (['["x"]', "[NaN]"], "is refused (not a"),
}


@pytest.mark.parametrize(("column", "value", "said"), [(c, v, said) for c, (vs, said) in BAD.items() for v in vs])
def test_a_value_that_ingestion_would_refuse_is_named(tmp_path, column, value, said):
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(row()) + "\n" + json.dumps({**row(1), column: "ODD"}).replace('"ODD"', value))
    with pytest.raises(DataError) as error:
        read_rows(str(path), declare())
    assert f"{path}, row 1 (from 0), column {column!r}: " in str(error.value) and said in str(error.value)


def test_rows_in_memory_are_cast_as_those_of_files():
    rows = [{**row(), "age": "030", "history_item": [1, 2]}, {**row(), "age": None, "history_item": None}]
    with pytest.raises(DataError, match=r"rows, row 8 \(from 0\), column 'age': null is refused \(missing\)"):
        columns(declare(), pa.Table.from_pylist(rows), "rows", 7)
    found = columns(declare(), pa.Table.from_pylist(rows[:1]))
    assert found["age"].tolist() == [30] and found["history_item"].tolist() == [["1", "2"]]
    assert found["history_length"].tolist() == [2] and found["history_price"].tolist() == [[0.0]]
