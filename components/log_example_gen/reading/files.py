"""Which files hold a day's logs, and in what slices they are read."""

from __future__ import annotations

import concurrent.futures
import dataclasses

from scenerank.components.log_example_gen.reading.folder import log_files
from scenerank.components.log_example_gen.reading.formats import (
    UNREADABLE,
    Format,
    csv_names,
    format_of,
    head_of,
    once,
)
from scenerank.components.log_example_gen.reading.late import late_files
from scenerank.components.parquet import open_parquet
from scenerank.components.workspace import Workspace, shift
from scenerank.errors import DataError, one_line
from scenerank.schemas.declaration import Declaration


@dataclasses.dataclass(frozen=True)
class LogSlice:
    """What one worker reads at once: a row group of a Parquet file, or a whole text file.

    Attributes:
      file: path below the workspace, as messages and the quarantine name it.
      group: row group; None for text files.
      first_row: place in the file of the slice's first row.
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


def day_slices(workspace: Workspace, declaration: Declaration, day: str, late_days: int = 0) -> list[LogSlice]:
    """Units of the day to ingest.

    Args:
      late_days: of how many days after it the rows count that came late.

    Raises:
      DataError: no such day, no file in it, a file of another kind, one that cannot be read, or one
        without a required column.
    """
    folder = workspace.uri("logs", f"day={day}")
    if not workspace.exists(folder):
        raise DataError(f"there are no logs of {day}: put its files into {folder} and run the day again")
    files = [*_log_files(workspace, declaration, day), *late_files(workspace, day, late_days).values()]
    slices = _slices(workspace, declaration, day, files)
    if not slices:
        raise DataError(f"the logs of {day} hold no row: put the day's files into {folder} and run it again")
    return slices


def earlier_slices(workspace: Workspace, declaration: Declaration, day: str) -> list[LogSlice]:
    """Units of the earlier days that histories and rates look at; days without logs are passed over.

    Raises:
      DataError: as `day_slices`, but for absent or empty days.
    """
    remembered = declaration.history.days if declaration.history else 0
    rated = declaration.rates.days if declaration.rates else 0
    present = set(workspace.log_days())
    slices = []
    for back in range(1, max(remembered, rated) + 1):
        earlier = shift(day, -back)
        if earlier in present:
            slices += [
                dataclasses.replace(log_slice, rated=back <= rated, remembered=back <= remembered)
                for log_slice in _slices(workspace, declaration, earlier, _log_files(workspace, declaration, earlier))
            ]
    return slices


def _log_files(workspace: Workspace, declaration: Declaration, day: str) -> list[str]:
    return log_files(workspace, f"logs/day={day}", declaration.log_schema.names)


def _slices(workspace: Workspace, declaration: Declaration, day: str, files: list[str]) -> list[LogSlice]:
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        found = pool.map(lambda file: _slices_of_file(workspace, declaration, day, file), files)
        return [log_slice for slices in found for log_slice in slices]


def _slices_of_file(workspace: Workspace, declaration: Declaration, day: str, file: str) -> list[LogSlice]:
    format, path = format_of(file), workspace.path(workspace.uri(file))
    names = declaration.log_schema.names
    groups: list[tuple[int | None, int]] = [(None, 0)]
    try:
        if format == "parquet":
            found, groups = _parquet_layout(workspace, path)
        else:
            head = head_of(workspace.fs, path, file)
            if format == "json" and not head.strip():
                return []
            found = csv_names(head, file) if format == "csv" else [n for n in names if f'"{n}"'.encode() in head]
    except UNREADABLE as error:
        raise DataError(f"{file} cannot be read as {format} ({one_line(error)}): replace or remove it") from None
    once(found, names, file)
    for column in declaration.columns:
        if column.required and column.name not in found:
            raise DataError(f"{file} has no column {column.name!r}, which {declaration.name!r} requires: add it")
    # A text file's head may end before an optional column first appears.
    columns = tuple(n for n in names if n in found or format == "json")
    return [LogSlice(file, format, group, first, columns, day) for group, first in groups]


def _parquet_layout(workspace: Workspace, path: str) -> tuple[list[str], list[tuple[int | None, int]]]:
    """Column names, and of each row group with rows (its index, its first row)."""
    with workspace.fs.open_input_file(path) as source:
        parquet = open_parquet(source)
        groups: list[tuple[int | None, int]] = []
        first = 0
        for group in range(parquet.num_row_groups):
            rows = parquet.metadata.row_group(group).num_rows
            if rows:
                groups.append((group, first))
            first += rows
        return parquet.schema_arrow.names, groups
