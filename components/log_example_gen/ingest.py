"""A day from logs to examples: runs the graph and judges what came out."""

from __future__ import annotations

import apache_beam as beam

from scenerank.components.log_example_gen.checking import quarantine
from scenerank.components.log_example_gen.graph import build
from scenerank.components.log_example_gen.job import Job
from scenerank.components.log_example_gen.reading.files import day_slices, earlier_slices
from scenerank.components.log_example_gen.writing import writer
from scenerank.components.records.ingestion import IngestionSummary
from scenerank.components.workspace import Workspace
from scenerank.errors import DataError

FAILED = "failed"


def ingest(job: Job, pipeline: beam.Pipeline) -> IngestionSummary:
    """Writes examples, `quarantine.parquet` and `summary.json`; returns the summary.

    Raises:
      DataError: the day is missing or empty, a file is unreadable or lacks a required column, or more
        than `max_quarantined_share` of the rows were refused. In the last case the quarantine is left in
        the workspace's `quarantine/failed/day=D/`, as the outputs of a failed component are removed.
    """
    workspace, declaration = Workspace(job.workspace), job.load()
    late_days = job.settings.late_days
    slices = day_slices(workspace, declaration, job.day, late_days)
    slices += earlier_slices(workspace, declaration, job.day)
    with pipeline:
        build(pipeline, job, slices)
    writer.clean(job.examples)
    results = Workspace(job.quarantine)
    results.delete(results.uri(quarantine.ASIDE))
    summary = IngestionSummary.read(job.quarantine)
    left = workspace.uri("quarantine", FAILED, f"day={job.day}")
    workspace.delete(left)
    if summary.damaged_files:
        raise DataError(summary.damaged_files[0])
    read, refused = summary.rows_read, summary.rows_refused
    if not read:
        raise DataError(f"the logs of {job.day} hold no row: put the day's files into logs/day={job.day} and run it")
    late = sum(summary.rows_late.values())
    if late + refused == read and late:
        raise DataError(
            f"none of the {read:,} rows in the logs of {job.day} is of that day, {late:,} are of days before: see that "
            "its files are in the folder of their day"
        )
    if refused == read or refused > job.settings.max_quarantined_share * read:
        workspace.copy(results.root, left)
        reason, rows = next(iter(summary.quarantined.items()))
        raise DataError(
            f"{refused:,} of {read:,} rows of {job.day} were refused, more than the limit of "
            f"{job.settings.max_quarantined_share:.1%}, most often for {reason!r} ({rows:,} rows): "
            f"see {left}/{quarantine.TABLE} and mend the logs"
        )
    return summary
