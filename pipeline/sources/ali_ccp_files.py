"""The files of Ali-CCP: the publisher's skeletons and common features, and the flat tables of benchmark code.

A feature is `FIELD \\x02 ID \\x03 VALUE`, a feature list has `\\x01` between features. A skeleton's line has sample_id,
click, buy, common_feature_index, feature_num, feature_list; one of common features common_feature_index, feature_num,
feature_list. A flat table has a header and one column a field; 0 stands there for an id that is absent or rare.
"""

from __future__ import annotations

import pathlib
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv

from scenerank.components.hashing import hash_column
from scenerank.errors import DataError

BLOCK = 16 << 20
"""Bytes of a file parsed at a time."""
USER = {
    "101": "user_id",
    "121": "profile",
    "122": "profile_group",
    "124": "gender",
    "125": "age",
    "126": "consumption_1",
    "127": "consumption_2",
    "128": "occupation",
    "129": "geography",
    "109_14": "top_category",
    "110_14": "top_shop",
    "127_14": "top_brand",
    "150_14": "top_intention",
}
OTHER = {
    "205": "item_id",
    "206": "category",
    "207": "shop",
    "210": "intention",
    "216": "brand",
    "301": "position",
    "508": "seen_category",
    "509": "seen_shop",
    "702": "seen_brand",
    "853": "seen_intention",
}
"""Columns of the log by field: of common features, and of skeletons."""
WEIGHED = ("109_14", "110_14", "127_14", "150_14", "508", "509", "702", "853")
"""Fields whose values are numbers that tell something; in flat tables `D508` and the like."""

SKELETON = {
    "sample_id": pa.string(),
    "click": pa.int64(),
    "purchase": pa.int64(),
    "common": pa.string(),
    "feature_num": pa.int64(),
    "features": pa.string(),
}
COMMON = {"common": pa.string(), "feature_num": pa.int64(), "features": pa.string()}
ITEM = {"field": pa.string(), "id": pa.int64(), "value": pa.float32()}
SEPARATORS = bytes.maketrans(b"\x01\x02\x03", b"\n,,")


class Piece(NamedTuple):
    """Rows of one file in its order.

    Attributes:
      rows: `click`, `purchase` and the columns of `USER`, `OTHER` and their weights; an absent id is null.
      group: uint64 `[N]`, equal for rows with the same common features; None where the file does not tell.
      done: bytes read so far of the files that it comes from.
    """

    rows: pa.Table
    group: np.ndarray | None
    done: int


class _Block(NamedTuple):
    text: bytes
    line: int
    done: int


class _Broken(ValueError):
    """A row, counted from 0, that cannot be parsed."""

    def __init__(self, row: int, why: str):
        super().__init__(why)
        self.row = row


def read_skeleton(skeleton: pathlib.Path, common: pathlib.Path) -> Iterator[Piece]:
    """A skeleton joined with its common features.

    The latter are held in memory, about 130 bytes a row (twice that while they are sorted): 0.1 GB for the 730 000
    rows of the published file. Rows whose common features are absent have nulls for them. Of several features of a
    field the one with the greatest value counts, the first among equals.

    Raises:
      DataError: a line is not of the format, or a file has no lines.
    """
    users, done = _read_common(common), common.stat().st_size
    for block in _blocks(skeleton):
        table = _lines(skeleton, block, SKELETON)
        group = hash_column(table["common"].chunk(0))
        columns = {name: table[name] for name in ("click", "purchase")}
        columns |= _features(skeleton, block, table["features"].chunk(0), OTHER)
        yield Piece(pa.table(columns | users.of(group)), group, done + block.done)


def read_flat(path: pathlib.Path) -> Iterator[Piece]:
    """A flat table; weights are null where it has no column for them.

    Raises:
      DataError: a column is missing, a line is not of the format, or there are no lines.
    """
    with path.open("rb") as file:
        first = file.readline()
    header = first.decode(errors="replace").strip().split(",")
    fields = {**USER, **OTHER}
    for name in ("click", "purchase", *fields):
        if name not in header:
            raise DataError(f"{path} has no column {name!r}: the names of all fields are expected in its first line")
    types = {name: pa.string() for name in header} | dict.fromkeys(("click", "purchase", *fields), pa.int64())
    types |= {f"D{field}": pa.float32() for field in WEIGHED if f"D{field}" in header}
    for block in _blocks(path, header=len(first)):
        table = _lines(path, block, types)
        columns = {name: table[name] for name in ("click", "purchase")}
        for field, name in fields.items():
            ids = table[field]
            columns[name] = pc.if_else(pc.equal(ids, 0), pa.scalar(None, pa.int64()), ids)
        for field in WEIGHED:
            given = f"D{field}" in types
            columns[f"{fields[field]}_weight"] = table[f"D{field}"] if given else pa.nulls(len(table), pa.float32())
        yield Piece(pa.table(columns), None, block.done)


class _Users(NamedTuple):
    """Common features by the hash of their index, sorted."""

    hashes: np.ndarray
    table: pa.Table

    def of(self, hashes: np.ndarray) -> dict[str, pa.ChunkedArray]:
        place = np.minimum(np.searchsorted(self.hashes, hashes), len(self.hashes) - 1)
        found = self.table.take(pa.array(place, mask=self.hashes[place] != hashes))
        weights = {f"{USER[field]}_weight" for field in WEIGHED if field in USER}
        return {n: pc.fill_null(found[n], 0.0) if n in weights else found[n] for n in found.column_names}


def _read_common(path: pathlib.Path) -> _Users:
    hashes, tables = [], []
    for block in _blocks(path):
        table = _lines(path, block, COMMON)
        hashes.append(hash_column(table["common"].chunk(0)))
        tables.append(pa.table(_features(path, block, table["features"].chunk(0), USER)))
    distinct, first = np.unique(np.concatenate(hashes), return_index=True)
    return _Users(distinct, pa.concat_tables(tables).take(pa.array(first)).combine_chunks())


def _blocks(path: pathlib.Path, header: int = 0) -> Iterator[_Block]:
    """Whole lines, about `BLOCK` bytes at a time, after the first `header` bytes (one line)."""
    line, done, rest = 1 + bool(header), header, b""
    with path.open("rb") as file:
        file.seek(header)
        while read := file.read(BLOCK):
            whole, newline, after = read.rpartition(b"\n")
            if not newline:
                rest += read
                continue
            text, rest = rest + whole + newline, after
            done += len(text)
            yield _Block(text, line, done)
            line += text.count(b"\n")
    if rest:
        yield _Block(rest, line, done + len(rest))
    elif done == header:
        raise DataError(f"{path} has no rows: download it again")


def _lines(path: pathlib.Path, block: _Block, types: Mapping[str, pa.DataType]) -> pa.Table:
    try:
        return _parse(block.text, types)
    except _Broken as broken:
        raise DataError(
            f"{path}, line {block.line + broken.row}, is not a row of {len(types)} columns ({broken}): "
            "download the file again"
        ) from None


def _parse(text: bytes, types: Mapping[str, pa.DataType]) -> pa.Table:
    """Comma-separated rows as typed columns of one chunk each."""
    try:
        return csv.read_csv(
            pa.BufferReader(text),
            csv.ReadOptions(column_names=list(types), use_threads=False, block_size=len(text)),
            csv.ParseOptions(quote_char=False, ignore_empty_lines=False),
            csv.ConvertOptions(column_types=dict(types), null_values=[]),
        ).combine_chunks()
    except pa.ArrowInvalid as error:
        row = re.search(r"Row #(\d+): ", str(error))  # no number where text is not UTF-8: the block's first row then
        why = str(error)[row.end() if row else 0 :].encode("unicode_escape").decode()
        raise _Broken(int(row[1]) - 1 if row else 0, why if len(why) < 80 else f"{why[:80]}...") from None


def _features(
    path: pathlib.Path, block: _Block, lists: pa.StringArray, columns: Mapping[str, str]
) -> dict[str, pa.Array]:
    """Ids by column, and weights (0 where the field is absent), `[N]` each, from `N` feature lists."""
    owner = np.repeat(np.arange(len(lists)), pc.count_substring(lists, "\x01").to_numpy() + 1)
    joined = pc.binary_join_element_wise(lists, "", "\x01")
    try:
        items = _parse(joined.buffers()[2].to_pybytes().translate(SEPARATORS), ITEM)
    except _Broken as broken:
        raise DataError(
            f"{path}, line {block.line + owner[broken.row]}, has a feature that is not FIELD\\x02ID\\x03VALUE "
            f"({broken}): download the file again"
        ) from None
    place = pc.index_in(items["field"], value_set=pa.array(list(columns)))
    used = pc.is_valid(place).to_numpy()
    cell = owner[used] * len(columns) + place.drop_null().to_numpy()
    ids, values = (items[name].to_numpy()[used] for name in ("id", "value"))
    return _greatest(cell, ids, values, len(lists), columns)


def _greatest(
    cell: np.ndarray, ids: np.ndarray, values: np.ndarray, rows: int, columns: Mapping[str, str]
) -> dict[str, pa.Array]:
    """Columns from features, each with its place (row by row, a cell a column)."""
    order = np.lexsort((-values, cell))
    first = order[np.diff(cell[order], prepend=-1) != 0]
    known = np.zeros(rows * len(columns), bool)
    id_of, value_of = np.zeros(len(known), np.int64), np.zeros(len(known), np.float32)
    known[cell[first]], id_of[cell[first]], value_of[cell[first]] = True, ids[first], values[first]
    out = {}
    for number, (field, name) in enumerate(columns.items()):
        own = slice(number, None, len(columns))
        out[name] = pa.array(id_of[own], mask=~known[own])
        if field in WEIGHED:
            out[f"{name}_weight"] = pa.array(value_of[own])
    return out
