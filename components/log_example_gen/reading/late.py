"""Rows of a day that came with the logs of days after it, and were kept with their quarantine."""

from __future__ import annotations

from scenerank.components.records.ingestion import late_table
from scenerank.components.workspace import Workspace, shift


def late_files(workspace: Workspace, day: str, late_days: int) -> dict[str, str]:
    """Paths below the workspace, by the published day that the rows came with, up to `late_days` after `day`."""
    published, files = set(workspace.days("quarantine")), {}
    for after in (shift(day, ahead) for ahead in range(1, late_days + 1)):
        if after in published and workspace.exists(uri := f"{workspace.day('quarantine', after)}/{late_table(day)}"):
            files[after] = uri.removeprefix(f"{workspace.root}/")
    return files
