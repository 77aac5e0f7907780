"""What ingestion makes of a value, predict makes of it, whatever kind of file it comes in."""

from __future__ import annotations

import decimal
import json
import pathlib
import tempfile
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenerank.components.log_example_gen.steps import check, day_slices, read
from scenerank.components.workspace import Workspace
from scenerank.errors import DataError
from scenerank.pipeline.serving.columns import read_rows
from tests.components.ingestion import DAY, declare, row

KINDS: dict[str, st.SearchStrategy] = {
    "small": st.integers(-5, 130),
    "big": st.one_of(st.integers(2**53 - 2, 2**53 + 2), st.integers(2**63 - 2, 2**63 + 1), st.just(-(2**63))),
    "text": st.text(st.characters(blacklist_categories=["Cs"]), max_size=5),
    "spaces": st.sampled_from(["", " ", "\t", "\n", "a\n", "a\r", "a\0", '"', '""', ",", "\\", "ä", "\ufeff"]),
    "date": st.dates().map(str),
    "float": st.floats(width=64),
    "decimal": st.decimals(-(10**25), 10**25, places=3, allow_nan=False),
    "bool": st.booleans(),
    "digits": st.one_of(
        st.integers(-(2**65), 2**65).map(str), st.sampled_from(["007", "+1", "1.0", "1e3", "-0", "NaN"])
    ),
}
DRAWN = st.sampled_from(sorted(KINDS)).flatmap(lambda kind: st.lists(st.none() | KINDS[kind], min_size=1, max_size=6))
MIXED = st.lists(st.none() | st.one_of(*KINDS.values()), min_size=1, max_size=6)
COLUMNS = ["item", "scene", "age", "price", "note"]


def parquet(path: pathlib.Path, column: str, values: list[Any]) -> None:
    table = pa.Table.from_pylist([row(i) for i in range(len(values))])
    largest = max((abs(v) for v in values if type(v) is int), default=0)
    kind = pa.uint64() if largest >= 2**63 and min(v for v in values if v is not None) >= 0 else None
    if largest >= 2**63 and kind is None:
        kind = pa.decimal128(38, 0)
    if any(isinstance(v, decimal.Decimal) for v in values):
        kind = pa.decimal128(38, 3)
    pq.write_table(table.set_column(table.schema.get_field_index(column), column, pa.array(values, kind)), path)


def literal(value: Any) -> Any:
    """A decimal as a number of as many digits."""
    return f"\x01{value}\x02" if isinstance(value, decimal.Decimal) else value


def json_lines(path: pathlib.Path, column: str, values: list[Any]) -> None:
    lines = [json.dumps({**row(i), column: literal(value)}) for i, value in enumerate(values)]
    path.write_text("\n".join(lines).replace('"\\u0001', "").replace('\\u0002"', ""))


def comma_separated(path: pathlib.Path, column: str, values: list[Any]) -> None:
    """As `csv` writes, which refuses NUL before Python 3.11: numbers plain, all else between quotes."""

    def cell(value: Any) -> str:
        if isinstance(value, (int, float, decimal.Decimal)):
            return str(value)
        text = "" if value is None else value.replace('"', '""')
        return f'"{text}"'

    rows = [list(row()), *([{**row(i), column: value}[name] for name in row()] for i, value in enumerate(values))]
    with open(path, "w", newline="", encoding="utf-8") as stream:
        stream.writelines(",".join(map(cell, cells)) + "\r\n" for cells in rows)


WRITERS = {"a.parquet": parquet, "a.pq": parquet, "a.jsonl": json_lines, "a.json": json_lines, "a.csv": comma_separated}


def ingested(folder: str, column: str) -> tuple[list[Any], list[int]]:
    """Values of the rows that pass, and places of those that do not."""
    workspace, declaration = Workspace(folder), declare()
    good, bad = [], []
    for log_slice in day_slices(workspace, declaration, DAY):
        for first, raw in read(log_slice, workspace, declaration, 4):
            found = check(raw, declaration, DAY, "f", np.arange(first, first + raw.num_rows))
            good += found.good.column(found.good.schema.get_field_index(column)).to_pylist()
            bad += found.bad.column(1).to_pylist()
    return good, bad


def agree(name: str, column: str, values: list[Any]) -> None:
    """Raises:
    AssertionError: ingestion and `predict` do not make the same of the values of a file's column.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "logs", f"day={DAY}", name)
        path.parent.mkdir(parents=True)
        WRITERS[name](path, column, values)
        try:
            good, bad = ingested(folder, column)
        except DataError:
            with pytest.raises(DataError):
                read_rows(str(path), declare())
            return
        if not bad:
            assert read_rows(str(path), declare()).read.column(column).to_pylist() == good
            return
        with pytest.raises(DataError) as refused:
            read_rows(str(path), declare())
        message = str(refused.value)
        assert f"{path}, row {bad[0]} (from 0), column {column!r}: " in message and "\n" not in message


@settings(max_examples=60, deadline=None)
@given(values=DRAWN, column=st.sampled_from(COLUMNS), name=st.sampled_from(sorted(WRITERS)))
def test_columns_of_one_kind(values, column, name):
    agree(name, column, values)


@settings(max_examples=60, deadline=None)
@given(values=MIXED, column=st.sampled_from(COLUMNS), name=st.sampled_from(["a.jsonl", "a.csv"]))
def test_columns_of_many_kinds(values, column, name):
    agree(name, column, values)


@settings(max_examples=60, deadline=None)
@given(values=st.lists(st.none() | st.one_of(KINDS["small"], KINDS["big"], KINDS["bool"]), min_size=1, max_size=6))
def test_integers_keep_every_digit(values):
    """In each kind of file they are what was written, or refused."""
    for name, write in {"a.parquet": parquet, "a.jsonl": json_lines, "a.csv": comma_separated}.items():
        given_to = [value for value in values if name != "a.parquet" or not isinstance(value, bool)]
        if not given_to:
            continue
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "logs", f"day={DAY}", name)
            path.parent.mkdir(parents=True)
            write(path, "item", given_to)
            good, bad = ingested(folder, "item")
        kept = [str(value) for place, value in enumerate(given_to) if place not in bad]
        assert good == kept
