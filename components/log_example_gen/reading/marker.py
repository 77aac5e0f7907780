"""The file by which those who write logs say that a day is complete."""

from __future__ import annotations

from scenerank.components.workspace import Workspace
from scenerank.errors import DataError


def require(workspace: Workspace, day: str, marker: str) -> None:
    """Looks before anything is read: what is written later would be half of the day.

    Args:
      marker: name of the file within the day's folder; empty: none is asked for.

    Raises:
      DataError: it is not there.
    """
    folder = workspace.uri("logs", f"day={day}")
    if marker and not workspace.exists(f"{folder}/{marker}"):
        raise DataError(
            f"{folder} has no {marker}, so the logs of {day} may not be complete: run the day when it is there, or set "
            "checks.require_marker to another name or to nothing"
        )
