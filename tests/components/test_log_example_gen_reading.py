"""Files of every kind as batches, and what is said of those that are none."""

from __future__ import annotations

import gzip
import json
import os
import pathlib
import socket

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scenerank.components.log_example_gen.checking.checks import check
from scenerank.components.log_example_gen.reading import json_lines
from scenerank.components.log_example_gen.reading.files import day_slices
from scenerank.components.log_example_gen.reading.reader import read
from scenerank.components.workspace import Workspace
from scenerank.errors import DataError
from tests.components.ingestion import DAY, declare, put, row

NAMES = list(row())


def checked(folder: pathlib.Path) -> tuple[list[dict], list[dict]]:
    """Rows of the day that pass and rows that do not."""
    workspace, declaration = Workspace(str(folder)), declare()
    good, bad = [], []
    for log_slice in day_slices(workspace, declaration, DAY):
        for first, raw in read(log_slice, workspace, declaration, 1000):
            found = check(raw, declaration, DAY, log_slice.file, np.arange(first, first + raw.num_rows))
            good += found.good.to_pylist()
            bad += found.bad.to_pylist()
    return good, bad


def refusal(folder: pathlib.Path) -> str:
    with pytest.raises(DataError) as error:
        checked(folder)
    assert "\n" not in str(error.value)
    return str(error.value)


def day(folder: pathlib.Path, name: str, data: bytes | str = b"") -> pathlib.Path:
    path = folder / "logs" / f"day={DAY}" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def csv(*rows: dict, end: str = "\n") -> str:
    return end.join([",".join(NAMES), *(",".join(str(r[n]) for n in NAMES) for r in rows)]) + end


ODD_VALUES = {
    "9223372036854775808": "9223372036854775808",
    "1.5": "1.5",
    "true": "true",
    "[1, 2.50]": "[1, 2.50]",
    '{"a": "b"}': '{"a": "b"}',
}


@pytest.mark.parametrize("value", ODD_VALUES)
@pytest.mark.parametrize("others", [str, int])
def test_one_odd_value_of_a_text_costs_only_its_row(tmp_path, value, others):
    """Whether the ids around it are texts or numbers."""
    lines = [json.dumps(row(i, item=others(2**53 + 1 + i))) for i in range(3000)]
    lines[1777] = json.dumps(row(1777, item="ODD")).replace('"ODD"', value)
    day(tmp_path, "a.jsonl", "\n".join(lines))
    good, bad = checked(tmp_path)
    assert [(b["row"], b["reason"], b["item"]) for b in bad] == [(1777, "item: not text", ODD_VALUES[value])]
    assert [g["item"] for g in good] == [str(2**53 + 1 + i) for i in range(3000) if i != 1777]


@pytest.mark.parametrize("value", ["9223372036854775808", "1.5", '"x"', "[30]", "1e300", "9007199254740994.0"])
def test_one_odd_value_of_a_number_costs_only_its_row(tmp_path, value):
    lines = [json.dumps(row(i, time_ms=row(i)["time_ms"])) for i in range(2500)]
    lines[1700] = json.dumps(row(age="ODD")).replace('"ODD"', value)
    lines[3] = json.dumps(row(3, age="ODD")).replace('"ODD"', "3e1")
    day(tmp_path, "a.jsonl", "\n".join(lines))
    good, bad = checked(tmp_path)
    assert [(b["row"], b["reason"], b["age"]) for b in bad] == [(1700, "age: not an integer", value.strip('"'))]
    assert {g["age"] for g in good} == {30} and len(good) == 2499


def test_rows_one_by_one_are_what_blocks_are(tmp_path, monkeypatch):
    rows = [
        row(age=None, note="ä\n", price=1), row(1, age="7", note="2024-03-01"), row(2, age=True, price=0.1, click="0"),
        row(3, note=None, item=12, price="1e1"), {k: v for k, v in row(4).items() if k != "note"},
    ]  # fmt: skip
    day(tmp_path, "a.jsonl", "\n".join(map(json.dumps, rows)))
    one_by_one = checked(tmp_path)
    monkeypatch.setattr(json_lines, "_FEW", 1)
    assert checked(tmp_path) == one_by_one
    assert [b["reason"] for b in one_by_one[1]] == ["age: missing"]


@pytest.mark.parametrize("odd", ["\\ud800", "\\udc80x"])
def test_half_a_surrogate_costs_only_its_row(tmp_path, odd):
    day(tmp_path, "a.jsonl", "\n".join([json.dumps(row()), json.dumps(row(1, item="ODD")).replace("ODD", odd)]))
    good, bad = checked(tmp_path)
    assert (len(good), [b["reason"] for b in bad]) == (1, ["item: invalid UTF-8"])


@pytest.mark.parametrize("lines", ["{0} {0}", "{0}\r{0}\r", "[{0}]", "{0}\n{{"])
def test_a_line_is_one_object(tmp_path, lines):
    day(tmp_path, "a.jsonl", lines.format(json.dumps(row())))
    assert f"logs/day={DAY}/a.jsonl cannot be read as json" in refusal(tmp_path)


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv"])
def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path, name):
    text = json.dumps(row(item=5)) + "\n" + json.dumps(row(1)) if name == "a.jsonl" else csv(row(item=5), row(1))
    day(tmp_path, name, b"\xef\xbb\xbf" + text.encode())
    assert [g["item"] for g in checked(tmp_path)[0]] == ["5", "i1"]


@pytest.mark.parametrize("how", ["absent", "list", "struct", "nested dictionary"])
def test_a_parquet_file_may_lack_a_text_or_have_another_shape(tmp_path, how):
    table = pa.Table.from_pylist([row(i) for i in range(3)]).drop(["note"])
    shapes = {"list": [["n"], None, []], "struct": [{"a": "n"}, None, {"a": None}]}
    if how in shapes:
        table = table.append_column("note", pa.array(shapes[how]))
    if how == "nested dictionary":
        table = table.append_column(
            "note", pa.array([["n"], None, ["m"]], pa.list_(pa.dictionary(pa.int32(), pa.string())))
        )
    put(tmp_path, table)
    good, bad = checked(tmp_path)
    refused = {"absent": [], "struct": [0, 2], "list": [0, 2], "nested dictionary": [0, 2]}[how]
    assert [(b["row"], b["reason"]) for b in bad] == [(r, "note: not text") for r in refused]
    assert len(good) == 3 - len(refused)


@pytest.mark.parametrize("name", ["a.parquet", "a.csv", "a.jsonl"])
def test_a_column_that_stands_twice_is_refused(tmp_path, name):
    if name == "a.parquet":
        table = pa.Table.from_pylist([row()])
        path = day(tmp_path, name)
        pq.write_table(table.append_column("age", pa.array([31])), path)
    elif name == "a.csv":
        day(tmp_path, name, "\n".join(line + end for line, end in zip(csv(row()).splitlines(), (",age", ",31"))))
    else:
        day(tmp_path, name, json.dumps(row()) + "\n" + json.dumps(row())[:-1] + ', "age": 31}\n')
    message = refusal(tmp_path)
    assert f"logs/day={DAY}/{name}" in message and "'age'" in message and ("twice" in message or "2 columns" in message)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_csv_may_end_its_lines_in_any_way(tmp_path, end):
    day(tmp_path, "a.csv", csv(*(row(i, note=f"n{i}") for i in range(4)), end=end))
    good, bad = checked(tmp_path)
    assert [g["note"] for g in good] == ["n0", "n1", "n2", "n3"] and not bad


def test_csv_may_have_a_long_field_in_its_header(tmp_path):
    lines = csv(row()).splitlines()
    day(tmp_path, "a.csv", f"{lines[0]},{'x' * 200_000}\n{lines[1]},y\n")
    assert len(checked(tmp_path)[0]) == 1


def test_csv_without_an_end_of_its_header_is_refused(tmp_path):
    day(tmp_path, "a.csv", "a" * (2 << 20))
    assert "a.csv has a header line of more than 1 MiB" in refusal(tmp_path)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.csv.gz"])
def test_utf_16_is_named(tmp_path, name, encoding):
    text = csv(row()) if "csv" in name else json.dumps(row())
    data = (b"\xfe\xff" if encoding.endswith("be") else b"") + text.encode(encoding)
    day(tmp_path, name, gzip.compress(data) if name.endswith("gz") else data)
    assert f"{name} is text in UTF-16" in refusal(tmp_path) and "UTF-8" in refusal(tmp_path)


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_a_name_says_whether_a_file_is_gzip(tmp_path, name):
    text = csv(row()) if "csv" in name else json.dumps(row())
    path = day(tmp_path, name, gzip.compress(text.encode()))
    assert f"{name} is gzip, which its name does not say: end the name with .gz" in refusal(tmp_path)
    path.unlink()
    day(tmp_path, f"{name}.gz", text)
    assert f"{name}.gz is no gzip, which its name says: take .gz from the name" in refusal(tmp_path)


def test_nothing_in_a_folder_is_passed_over(tmp_path, monkeypatch):
    path = day(tmp_path, "a.csv", csv(row()))
    (path.parent / "deep").symlink_to(tmp_path / "gone")
    assert f"logs/day={DAY}/deep is no file: a link that leads nowhere" in refusal(tmp_path)
    (path.parent / "deep").unlink()
    os.mkfifo(path.parent / "pipe.csv")
    assert "pipe.csv is no file" in refusal(tmp_path)
    (path.parent / "pipe.csv").unlink()
    with socket.socket(socket.AF_UNIX) as server:
        monkeypatch.chdir(path.parent)  # a socket's path is short
        server.bind("s.jsonl")
        assert "s.jsonl is no file" in refusal(tmp_path)
        (path.parent / "s.jsonl").rename(path.parent / "_s.jsonl")
    assert len(checked(tmp_path)[0]) == 1


@pytest.mark.parametrize("target", [".", "..", "../..", "deep/er"])
def test_a_link_to_a_folder_above_is_named_and_not_followed(tmp_path, target):
    path = day(tmp_path, "deep/er/a.csv", csv(row()))
    (path.parent / "again").symlink_to(target if target != "deep/er" else path.parent)
    assert f"day={DAY}/deep/er/again is a link to a folder that it lies in" in refusal(tmp_path)


def test_links_to_files_and_folders_elsewhere_are_followed(tmp_path):
    path = day(tmp_path / "other", "a.csv", csv(row()))
    day(tmp_path, "b.csv", csv(row(1))).with_name("more").symlink_to(path.parent)
    (tmp_path / "logs" / f"day={DAY}" / "c.csv").symlink_to(path)
    assert len(checked(tmp_path)[0]) == 3


def test_a_folder_named_after_a_column_is_refused(tmp_path):
    day(tmp_path, "hour=7/price=9.5/a.csv", csv(row()))
    message = refusal(tmp_path)
    assert f"logs/day={DAY}/hour=7/price=9.5/a.csv: the folder price=9.5 names a declared column" in message


def test_other_folders_are_read(tmp_path):
    day(tmp_path, "hour=7/price/a.csv", csv(row()))
    assert len(checked(tmp_path)[0]) == 1
