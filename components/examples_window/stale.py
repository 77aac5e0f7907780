"""Published days that are not any more what they would be if they were made now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from scenerank.components.examples_window.settings import WindowSettings
from scenerank.components.examples_window.window import window_days
from scenerank.components.log_example_gen.origin import LogDigests, origin
from scenerank.components.log_example_gen.settings import IngestSettings
from scenerank.components.records.origin import DayOrigin
from scenerank.components.workspace import Workspace
from scenerank.errors import WorkspaceError
from scenerank.schemas.declaration import Declaration


def stale_days(
    workspace: Workspace,
    days: Iterable[str],
    declaration: Declaration,
    settings: IngestSettings,
    recipe: Mapping[str, Any],
) -> dict[str, list[str]]:
    """What has changed of each of the published days, see `DayOrigin.changes`; days as they were are left out.

    A day that was published without saying what it was made of, by an older version, counts as it was.
    """
    found, digests = {}, LogDigests(workspace, declaration)
    for day in days:
        made_of = DayOrigin.find(workspace.day("examples", day))
        if made_of is not None and made_of.parts:
            changes = made_of.changes(origin(digests, workspace, day, declaration, settings, recipe))
            if changes:
                found[day] = changes
    return found


def admitted(
    workspace: Workspace,
    day: str,
    declaration: Declaration,
    window: WindowSettings,
    settings: IngestSettings,
    recipe: Mapping[str, Any],
) -> dict[str, list[str]]:
    """What has changed of the published days that a run of `day` trains on, and `window.stale` lets it train on.

    Raises:
      WorkspaceError: it does not; or the workspace is another data set's.
    """
    refuse_other_data_set(workspace, declaration)
    published = workspace.days("examples")
    wanted = [d for d in window_days(day, [*workspace.log_days(), *published], window) if d in published]
    stale = stale_days(workspace, wanted, declaration, settings, recipe)
    if stale and window.stale != "warn":
        raise WorkspaceError(
            f"published days are not any more what they were made of ({told(stale)}): run {', '.join(stale)} again, or "
            "set window.stale=warn to train on them as they are"
        )
    return stale


def told(stale: Mapping[str, list[str]]) -> str:
    """Days and what has changed of them, for people."""
    return "; ".join(f"{day}: {', '.join(changes)}" for day, changes in stale.items())


def refuse_other_data_set(workspace: Workspace, declaration: Declaration) -> None:
    """Raises:
    WorkspaceError: the workspace's published days are of a data set of another name.
    """
    for day in reversed(workspace.days("examples")):
        made_of = DayOrigin.find(workspace.day("examples", day))
        if made_of is None or not made_of.data_set:
            continue
        if made_of.data_set != declaration.name:
            raise WorkspaceError(
                f"{workspace.root} holds days of the data set {made_of.data_set!r}, and the configuration declares "
                f"{declaration.name!r}: choose another workspace, or the configuration that it was made with"
            )
        return
