"""Publishes a day table by table, the examples last."""

from __future__ import annotations

from scenerank.components.records.ingestion import IngestionSummary
from scenerank.components.records.origin import DayOrigin
from scenerank.components.records.profile import Profile
from scenerank.components.records.verdict import DayVerdict
from scenerank.components.workspace import Workspace
from scenerank.errors import DataError


def publish_day(
    workspace: Workspace,
    day: str,
    examples: str,
    statistics: str,
    fairness: str,
    quarantine: str,
    verdict: str,
    profile: str,
) -> dict[str, str]:
    """Replaces what is published of a day.

    A table is replaced in one step; examples come last, so a day that counts as published has all three.
    A kill in between leaves every table readable, old or new, and a rerun completes it.

    Args:
      examples, statistics, fairness, quarantine, verdict, profile: URIs of folders.

    Returns:
      URI of each table's new content.

    Raises:
      DataError: the verdict did not pass.
    """
    if not DayVerdict.read(verdict).passed:
        raise DataError(f"{verdict}/{DayVerdict.FILE} did not pass, so day {day} is not published: see its anomalies")
    contents = {
        "examples": examples,
        "statistics": statistics,
        IngestionSummary.FILE: f"{quarantine}/{IngestionSummary.FILE}",
        Profile.FILE: f"{profile}/{Profile.FILE}",
        DayOrigin.FILE: f"{profile}/{DayOrigin.FILE}",
        DayVerdict.FILE: f"{verdict}/{DayVerdict.FILE}",
    }
    return {
        "quarantine": workspace.publish("quarantine", day, quarantine),
        "fairness": workspace.publish("fairness", day, fairness),
        "examples": workspace.publish("examples", day, contents),
    }
