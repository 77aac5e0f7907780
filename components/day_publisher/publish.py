"""Publishes a day table by table, the examples last."""

from __future__ import annotations

import json

from pyarrow import fs

from components.errors import DataRefused
from components.workspace import Workspace

SUMMARY = "summary.json"


def _passed(verdict: str) -> bool:
    filesystem, path = fs.FileSystem.from_uri(f"{verdict}/verdict.json")
    with filesystem.open_input_stream(path) as stream:
        return json.loads(stream.read())["passed"]


def publish_day(
    workspace: Workspace, day: str, examples: str, statistics: str, fairness: str, quarantine: str, verdict: str
) -> dict[str, str]:
    """Replaces what is published of a day.

    A table is replaced in one step; examples come last, so a day that counts as published has all three.
    A kill in between leaves every table readable, old or new, and a rerun completes it.

    Args:
      examples, statistics, fairness, quarantine, verdict: URIs of folders.

    Returns:
      URI of each table's new content.

    Raises:
      DataRefused: the verdict did not pass.
    """
    if not _passed(verdict):
        raise DataRefused(f"{verdict}/verdict.json did not pass, so day {day} is not published: see its anomalies")
    contents = {"examples": examples, "statistics": statistics, SUMMARY: f"{quarantine}/{SUMMARY}"}
    return {
        "quarantine": workspace.publish("quarantine", day, quarantine),
        "fairness": workspace.publish("fairness", day, fairness),
        "examples": workspace.publish("examples", day, contents),
    }
