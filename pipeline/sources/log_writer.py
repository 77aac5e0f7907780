"""Writes days of the native log: all aside first, then into place."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from types import TracebackType

import pyarrow as pa
import pyarrow.parquet as pq

from scenerank.components.workspace import Workspace

Progress = Callable[[int, int], None]
"""Called with what is done and what there is to do, in one unit."""

ROW_GROUP = 131_072
"""Rows that a day holds back in memory before they are written."""


class LogWriter:
    """A context within which days grow row by row; its end moves them into `logs/day=D/part-0.parquet`.

    Each day's file is replaced in one step, and only when all of them are written: if the context ends with
    an exception the workspace keeps the logs that it had. Other files of a replaced day are deleted.

    Args:
      schema: of every table written.
    """

    def __init__(self, workspace: Workspace, schema: pa.Schema):
        self.workspace = workspace
        self.schema = schema
        self.rows: dict[str, int] = {}
        self._aside = workspace.uri("logs", f".aside-{uuid.uuid4().hex}")
        self._waiting: dict[str, list[pa.Table]] = {}
        self._open: dict[str, tuple[pq.ParquetWriter, pa.NativeFile]] = {}

    def write(self, day: str, table: pa.Table) -> None:
        """Adds rows to an ISO day; a null in a column that the schema wants whole is left to ingestion's checks."""
        self.rows[day] = self.rows.get(day, 0) + table.num_rows
        waiting = self._waiting.setdefault(day, [])
        waiting.append(table)
        if sum(t.num_rows for t in waiting) >= ROW_GROUP:
            self._flush(day)

    def _staged(self, day: str) -> str:
        return f"{self._aside}/{day}.parquet"

    def _flush(self, day: str) -> None:
        if day not in self._open:
            fs = self.workspace.fs
            fs.create_dir(self.workspace.path(self._aside), recursive=True)
            stream = fs.open_output_stream(self.workspace.path(self._staged(day)))
            nullable = pa.schema([field.with_nullable(True) for field in self.schema])
            self._open[day] = pq.ParquetWriter(stream, nullable, compression="zstd"), stream
        writer, _ = self._open[day]
        table = pa.concat_tables(self._waiting.pop(day, [])).select(self.schema.names)
        writer.write_table(table.cast(writer.schema), row_group_size=ROW_GROUP)

    def _close(self) -> None:
        for writer, stream in self._open.values():
            writer.close()
            stream.close()
        self._open.clear()

    def _publish(self) -> None:
        fs, path = self.workspace.fs, self.workspace.path
        for day in sorted(self.rows):
            folder = self.workspace.uri("logs", f"day={day}")
            fs.create_dir(path(folder), recursive=True)
            fs.move(path(self._staged(day)), path(f"{folder}/part-0.parquet"))
            for info in self.workspace.list(folder):
                if info.base_name != "part-0.parquet":
                    self.workspace.delete(f"{folder}/{info.base_name}")

    def __enter__(self) -> LogWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            if kind is None:
                for day in list(self._waiting):
                    self._flush(day)
            self._close()
            if kind is None:
                self._publish()
        finally:
            self.workspace.delete(self._aside)
