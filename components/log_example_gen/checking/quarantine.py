"""What ingestion refused, for people: `quarantine.parquet` and `summary.json`; and `late/<day>.parquet`, rows of days
before, until these are ingested again."""

from __future__ import annotations

import collections
import uuid
from collections.abc import Iterable, Iterator, Mapping

import pyarrow as pa
import pyarrow.parquet as pq

from scenerank.components.log_example_gen.checking.checks import REASON, quarantine_schema
from scenerank.components.log_example_gen.job import Job
from scenerank.components.records.ingestion import IngestionSummary, late_table
from scenerank.components.workspace import Workspace

READ, ACCEPTED = "rows_read", "rows_accepted"
DUPLICATES, REDELIVERED = "duplicates_dropped", "redelivered_dropped"
TABLE, ASIDE = "quarantine.parquet", "aside"
ROW_GROUP = 1 << 16


def by_reason(bad: pa.RecordBatch) -> collections.Counter[str]:
    """Rows of each reason."""
    found = bad.column(bad.schema.get_field_index(REASON)).value_counts()
    return collections.Counter(dict(zip(found.field(0).to_pylist(), found.field(1).to_pylist())))


class Part:
    """Some rows of one slice, in their order, in a file aside.

    Attributes:
      uri: of the file; None as long as no row was added.
    """

    def __init__(self, job: Job):
        self.uri: str | None = None
        self._job = job
        self._writer: pq.ParquetWriter | None = None

    def add(self, rows: pa.RecordBatch) -> None:
        """Writes rows, into a file that the first of them creates."""
        if not rows.num_rows:
            return
        if self._writer is None:
            folder = Workspace(self._job.quarantine)
            folder.fs.create_dir(folder.path(folder.uri(ASIDE)), recursive=True)
            self.uri = folder.uri(ASIDE, uuid.uuid4().hex)
            self._writer = pq.ParquetWriter(folder.path(self.uri), rows.schema, filesystem=folder.fs)
        self._writer.write_batch(rows)

    def close(self) -> None:
        """Ends the file, if there is one."""
        if self._writer is not None:
            self._writer.close()


def write(
    job: Job,
    parts: Iterable[tuple[str, int, str]],
    counts: Mapping[str, int],
    damaged: Iterable[str],
    late: Iterable[tuple[str, str, int, str]],
) -> None:
    """Writes all files; rows by file and place, never more than a row group of them held.

    Args:
      parts: of each slice with refused rows: file, first row, URI of its `Part`.
      late: the same of late rows, before it their own day.
    """
    declaration = job.load()
    _join(job, TABLE, [uri for *_, uri in sorted(parts)], quarantine_schema(declaration))
    of_day: dict[str, list[str]] = {}
    for day, _, _, uri in sorted(late):
        of_day.setdefault(day, []).append(uri)
    kept = {day: _join(job, late_table(day), uris, declaration.log_schema) for day, uris in of_day.items()}
    counts = dict(counts)
    known = {name: int(counts.pop(name, 0)) for name in (READ, ACCEPTED, DUPLICATES, REDELIVERED)}
    reasons = dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
    summary = IngestionSummary(
        day=job.day, **known, rows_late=kept, quarantined=reasons, damaged_files=sorted(set(damaged))
    )
    summary.write(job.quarantine)


def _join(job: Job, name: str, uris: list[str], schema: pa.Schema) -> int:
    """Writes a file of the rows of others; returns how many."""
    folder = Workspace(job.quarantine)
    path, rows = folder.path(folder.uri(name)), 0
    folder.fs.create_dir(path.rpartition("/")[0], recursive=True)
    with pq.ParquetWriter(path, schema, filesystem=folder.fs) as writer:
        for group in _row_groups(folder, uris, schema):
            writer.write_table(group)
            rows += group.num_rows
    return rows


def _row_groups(folder: Workspace, uris: list[str], schema: pa.Schema) -> Iterator[pa.Table]:
    held: list[pa.RecordBatch] = []
    rows = 0
    for uri in uris:
        with folder.fs.open_input_file(folder.path(uri)) as source:
            for batch in pq.ParquetFile(source).iter_batches(ROW_GROUP):
                held.append(batch)
                rows += batch.num_rows
                if rows >= ROW_GROUP:
                    yield pa.Table.from_batches(held, schema)
                    held, rows = [], 0
    yield pa.Table.from_batches(held, schema)
