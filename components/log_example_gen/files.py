"""Which files hold a day's logs, and in what units they are read."""

from __future__ import annotations

import concurrent.futures
import csv
import dataclasses
import io
import posixpath
from typing import Literal

import pyarrow as pa
from pyarrow import fs

from components.log_example_gen.errors import IngestError, one_line
from components.parquet import open_parquet
from components.workspace import Workspace, shift
from schemas.declaration import Declaration

Format = Literal["parquet", "json", "csv"]
FORMATS: dict[str, Format] = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "json",
    ".ndjson": "json",
    ".json": "json",
    ".csv": "csv",
}
UNREADABLE = (pa.ArrowException, OSError, EOFError)
_HEAD = 1 << 20


@dataclasses.dataclass(frozen=True)
class Unit:
    """What one worker reads at once: a row group of a Parquet file, or a whole text file.

    Attributes:
      file: path below the workspace, as messages and the quarantine name it.
      group: row group; None for text files.
      first_row: place in the file of the unit's first row.
      columns: declared columns that the file has.
      day: the day whose logs these are.
      rated: whether its rows count towards rates.
      remembered: whether its rows may be behaviors.
    """

    file: str
    format: Format
    group: int | None
    first_row: int
    columns: tuple[str, ...]
    day: str
    rated: bool = False
    remembered: bool = False


def day_units(workspace: Workspace, declaration: Declaration, day: str) -> list[Unit]:
    """Units of the day to ingest.

    Raises:
      IngestError: no such day, no file in it, a file of another kind, one that cannot be read, or one
        without a required column.
    """
    folder = workspace.uri("logs", f"day={day}")
    if not workspace.exists(folder):
        raise IngestError(f"there are no logs of {day}: put its files into {folder} and run the day again")
    units = _units(workspace, declaration, day)
    if not units:
        raise IngestError(f"the logs of {day} hold no row: put the day's files into {folder} and run it again")
    return units


def earlier_units(workspace: Workspace, declaration: Declaration, day: str) -> list[Unit]:
    """Units of the earlier days that histories and rates look at; days without logs are passed over.

    Raises:
      IngestError: as `day_units`, but for absent or empty days.
    """
    remembered = declaration.history.days if declaration.history else 0
    rated = declaration.rates.days if declaration.rates else 0
    present = set(workspace.log_days())
    units = []
    for back in range(1, max(remembered, rated) + 1):
        earlier = shift(day, -back)
        if earlier in present:
            units += [
                dataclasses.replace(unit, rated=back <= rated, remembered=back <= remembered)
                for unit in _units(workspace, declaration, earlier)
            ]
    return units


def open_stream(workspace: Workspace, file: str) -> pa.NativeFile:
    """A file's bytes, inflated if its name ends with `.gz`."""
    return workspace.fs.open_input_stream(
        workspace.path(workspace.uri(file)), compression="gzip" if file.endswith(".gz") else None
    )


def _units(workspace: Workspace, declaration: Declaration, day: str) -> list[Unit]:
    folder = workspace.uri("logs", f"day={day}")
    base = workspace.path(folder)
    files = []
    for info in workspace.list(folder, recursive=True):
        inner = info.path[len(base) :].strip("/")
        # Hidden files are left behind by those who write logs: _SUCCESS, .part-0.crc.
        if info.type == fs.FileType.File and not any(part[0] in "._" for part in inner.split("/")):
            files.append(f"logs/day={day}/{inner}")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        found = pool.map(lambda file: _units_of_file(workspace, declaration, day, file), files)
        return [unit for units in found for unit in units]


def _units_of_file(workspace: Workspace, declaration: Declaration, day: str, file: str) -> list[Unit]:
    name = file.removesuffix(".gz")
    format = FORMATS.get(posixpath.splitext(name)[1].lower())
    if format is None or (format == "parquet" and name != file):
        raise IngestError(f"{file} is no log that can be read: use {', '.join(FORMATS)}, the text files also with .gz")
    names = [c.name for c in declaration.columns]
    groups: list[tuple[int | None, int]] = [(None, 0)]
    try:
        if format == "parquet":
            found, groups = _parquet_layout(workspace, file)
        else:
            with open_stream(workspace, file) as stream:
                head = stream.read(_HEAD)
            found = _csv_header(head) if format == "csv" else {n for n in names if f'"{n}"'.encode() in head}
            if format == "json" and not head.strip():
                return []
    except UNREADABLE as error:
        raise IngestError(f"{file} cannot be read as {format} ({one_line(error)}): replace or remove it") from None
    for column in declaration.columns:
        if column.required and column.name not in found:
            raise IngestError(f"{file} has no column {column.name!r}, which {declaration.name!r} requires: add it")
    # A text file's head may end before an optional column first appears.
    columns = tuple(n for n in names if n in found or format == "json")
    return [Unit(file, format, group, first, columns, day) for group, first in groups]


def _parquet_layout(workspace: Workspace, file: str) -> tuple[set[str], list[tuple[int | None, int]]]:
    """Column names, and of each row group with rows (its index, its first row)."""
    with workspace.fs.open_input_file(workspace.path(workspace.uri(file))) as source:
        parquet = open_parquet(source)
        groups, first = [], 0
        for group in range(parquet.num_row_groups):
            rows = parquet.metadata.row_group(group).num_rows
            if rows:
                groups.append((group, first))
            first += rows
        return set(parquet.schema_arrow.names), groups


def _csv_header(head: bytes) -> set[str]:
    if not head.strip():
        raise pa.ArrowInvalid("it has no header line")
    text = head.decode("utf-8-sig", "replace")
    return set(next(csv.reader(io.StringIO(text))))
