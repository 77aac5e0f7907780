"""What ingestion refused, for people: `quarantine.parquet` and `summary.json`."""

from __future__ import annotations

import collections
import json
from collections.abc import Iterable, Mapping

import pyarrow as pa
import pyarrow.parquet as pq

from components.log_example_gen.checks import FILE, REASON, ROW, quarantine_schema
from components.log_example_gen.job import Job
from components.workspace import Workspace

READ, ACCEPTED, DUPLICATES = "rows_read", "rows_accepted", "duplicates_dropped"
TABLE, SUMMARY = "quarantine.parquet", "summary.json"


def by_reason(bad: pa.RecordBatch) -> collections.Counter[str]:
    """Rows of each reason."""
    found = bad.column(bad.schema.get_field_index(REASON)).value_counts()
    return collections.Counter(dict(zip(found.field(0).to_pylist(), found.field(1).to_pylist())))


def write(job: Job, bad: Iterable[pa.RecordBatch], counts: Mapping[str, int], damaged: Iterable[str]) -> None:
    """Writes both files; rows by file and place.

    All refused rows are held at once: few, where a run is to succeed.
    """
    folder = Workspace(job.quarantine)
    schema = quarantine_schema(job.load())
    table = pa.Table.from_batches([b.replace_schema_metadata() for b in bad], schema)
    table = table.sort_by([(FILE, "ascending"), (ROW, "ascending")])
    folder.fs.create_dir(folder.path(folder.root), recursive=True)
    pq.write_table(table, folder.path(folder.uri(TABLE)), filesystem=folder.fs)
    counts = dict(counts)
    known = {name: int(counts.pop(name, 0)) for name in (READ, ACCEPTED, DUPLICATES)}
    reasons = dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
    summary = {"day": job.day, **known, "quarantined": reasons, "damaged_files": sorted(set(damaged))}
    folder.write_text(folder.uri(SUMMARY), json.dumps(summary, indent=1))
