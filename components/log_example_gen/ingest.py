"""A day from logs to examples: runs the graph and judges what came out."""

from __future__ import annotations

from typing import Any

import apache_beam as beam

from components.log_example_gen import quarantine, writer
from components.log_example_gen.errors import IngestError
from components.log_example_gen.files import day_units, earlier_units
from components.log_example_gen.graph import build
from components.log_example_gen.job import Job
from components.workspace import Workspace

FAILED = "failed"


def ingest(job: Job, pipeline: beam.Pipeline) -> dict[str, Any]:
    """Writes examples, `quarantine.parquet` and `summary.json`; returns the summary.

    Raises:
      IngestError: the day is missing or empty, a file is unreadable or lacks a required column, or more
        than `max_quarantined_share` of the rows were refused. In the last case the quarantine is left in
        the workspace's `quarantine/failed/day=D/`, as the outputs of a failed component are removed.
    """
    workspace, declaration = Workspace(job.workspace), job.load()
    units = day_units(workspace, declaration, job.day) + earlier_units(workspace, declaration, job.day)
    with pipeline:
        build(pipeline, job, units)
    writer.clean(job.examples)
    results = Workspace(job.quarantine)
    results.delete(results.uri(quarantine.ASIDE))
    summary = results.read_json(results.uri(quarantine.SUMMARY))
    left = workspace.uri("quarantine", FAILED, f"day={job.day}")
    workspace.delete(left)
    if summary["damaged_files"]:
        raise IngestError(summary["damaged_files"][0])
    read, refused = summary[quarantine.READ], sum(summary["quarantined"].values())
    if not read:
        raise IngestError(f"the logs of {job.day} hold no row: put the day's files into logs/day={job.day} and run it")
    if refused == read or refused > job.settings.max_quarantined_share * read:
        workspace.copy(results.root, left)
        reason, rows = next(iter(summary["quarantined"].items()))
        raise IngestError(
            f"{refused:,} of {read:,} rows of {job.day} were refused, more than the limit of "
            f"{job.settings.max_quarantined_share:.1%}, most often for {reason!r} ({rows:,} rows): "
            f"see {left}/{quarantine.TABLE} and mend the logs"
        )
    return summary
