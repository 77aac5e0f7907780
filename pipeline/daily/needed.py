"""Which days a run has to take in, and which it may do without."""

from __future__ import annotations

import dataclasses

from scenerank.components.examples_window.stale import refuse_other_data_set, stale_days, told
from scenerank.components.examples_window.window import window_days, without_missing
from scenerank.components.workspace import Workspace
from scenerank.errors import WorkspaceError
from scenerank.pipeline.config import Config


@dataclasses.dataclass(frozen=True)
class Needed:
    """What a run of a day needs.

    Attributes:
      days: to be ingested, in order; the last is the run's own.
      stale: published days that are not any more what they were made of, and what has changed of them; those of them
        in `days` are made again.
      skipped: days of the window that have neither logs nor examples.
    """

    days: list[str]
    stale: dict[str, list[str]]
    skipped: list[str]


def needed(config: Config, workspace: Workspace, day: str) -> Needed:
    """Days of the window that were never published, or are to be made again, and `day` itself.

    Raises:
      WorkspaceError: `day` has no logs, no day comes before it, a day within the window is missing that may not be, or
        one is stale and is not to be made again; or the workspace is another data set's.
    """
    refuse_other_data_set(workspace, config.declared)
    logged = workspace.log_days()
    if day not in logged:
        raise WorkspaceError(f"{workspace.uri('logs', f'day={day}')} does not exist: write the logs of that day first")
    published = workspace.days("examples")
    wanted = window_days(day, [*logged, *published], config.window)
    if not wanted:
        raise WorkspaceError(
            f"no logs before {day} in {workspace.uri('logs')}: the first day only trains; run the next day instead"
        )
    there = without_missing(day, wanted, [*logged, *published], config.window)
    stale = stale_days(workspace, [d for d in there if d in published], config.declared, config.ingest, config.recipe)
    if stale and config.window.stale == "refuse":
        raise WorkspaceError(
            f"published days are not any more what they were made of ({told(stale)}): run them again, or set "
            "window.stale=rebuild to have that done"
        )
    again = set(stale) if config.window.stale == "rebuild" else set()
    if lost := [d for d in sorted(again) if d not in logged]:
        raise WorkspaceError(
            f"{told({d: stale[d] for d in lost})}: these days cannot be made again, as their logs are gone; restore "
            "them, or set window.stale=warn to train on the days as they are"
        )
    missing = [d for d in wanted if d not in there]
    return Needed([*(d for d in there if d not in published or d in again), day], stale, missing)
