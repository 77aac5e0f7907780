"""Which of the pushed versions serve: the record that pushing, rolling back, promoting and retiring change.

`serving/release.json` is replaced in one step, and everything that asks for the model in service reads it:

  withdrawn   versions that shall not serve
  canary      a version that takes only the requests that ask for it, until it is promoted; or null
  held        why no new version shall serve, and until when; or null
  actions     what was done, oldest first: time (UTC), action, version, and what was in service before and after
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
from typing import Any

from scenerank.components.locks import held
from scenerank.components.workspace import Workspace
from scenerank.errors import ReleaseError

RETIRED = ".retired"
"""End of the name that the folder of a version has while it is deleted."""
LOCK, PATIENCE_S = ".releases.lock", 60


@dataclasses.dataclass(frozen=True)
class Release:
    """What serves.

    Attributes:
      stable: the version that requests get; None where there is none.
      canary: the version that requests get which ask for it.
      withdrawn: versions that exist and shall not serve.
      versions: all that exist, oldest first.
      held: why new versions are withdrawn as they are pushed; None where they serve.
    """

    stable: int | None
    canary: int | None
    withdrawn: tuple[int, ...]
    versions: tuple[int, ...]
    held: str | None = None

    @property
    def serving(self) -> dict[str, int]:
        """Versions in service by their label."""
        found = {"stable": self.stable, "canary": self.canary}
        return {label: version for label, version in found.items() if version is not None}

    @property
    def previous(self) -> int | None:
        """The newest version before `stable` that was not withdrawn."""
        older = (v for v in self.versions if self.stable is not None and v < self.stable and v not in self.withdrawn)
        return max(older, default=None)


def release(workspace: Workspace) -> Release:
    """What serves now."""
    versions, record = workspace.versions(), workspace.release()
    canary = record["canary"] if record["canary"] in versions else None
    withdrawn = tuple(v for v in record["withdrawn"] if v in versions)
    return Release(workspace.served(release=record), canary, withdrawn, tuple(versions), _held(record))


def _held(record: dict[str, Any]) -> str | None:
    held = record.get("held")
    now = datetime.datetime.now(datetime.timezone.utc)
    if held is None or (held["until"] and datetime.datetime.fromisoformat(held["until"]) <= now):
        return None
    return str(held["reason"])


def locked(workspace: Workspace) -> contextlib.AbstractContextManager[None]:
    """One change of what serves at a time: a push and a rollback do not overwrite what the other recorded.

    Raises:
      ReleaseError: another one takes longer than a minute.
    """
    refusal = ReleaseError(f"another release is at work in {workspace.root}: wait for it to end")
    return held(workspace, LOCK, refusal, PATIENCE_S)


def announce(workspace: Workspace, version: int, canary: bool) -> None:
    """Records of a version that is about to be pushed, by who holds the lock, that it shall not serve all requests.

    A canary waits for its promotion; an older one that still waits then never serves. Where releases are held, the
    version is withdrawn before it is there. The first version of all serves at once.
    """
    before = release(workspace)
    if before.held is not None:
        _record(workspace, before, "push held", version, {*before.withdrawn, version}, before.canary)
    elif canary and before.stable is not None:
        withdrawn = {*before.withdrawn, *([] if before.canary is None else [before.canary])}
        _record(workspace, before, "push canary", version, withdrawn - {version}, version)


def hold(workspace: Workspace, reason: str, until: datetime.datetime | None = None) -> Release:
    """Lets no new version serve: those that are pushed are withdrawn, until `resume` or a moment."""
    with locked(workspace):
        before = release(workspace)
        held = {"reason": reason, "until": until and until.isoformat(timespec="seconds")}
        return _record(workspace, before, "hold", before.stable, {*before.withdrawn}, before.canary, held=held)


def resume(workspace: Workspace) -> Release:
    """Lets new versions serve again; those withdrawn meanwhile wait for `promote`.

    Raises:
      ReleaseError: nothing is held.
    """
    with locked(workspace):
        before = release(workspace)
        if before.held is None:
            raise ReleaseError(f"releases of {workspace.root} are not held: there is nothing to resume")
        return _record(workspace, before, "resume", before.stable, {*before.withdrawn}, before.canary, held=None)


def rollback(workspace: Workspace, to: int | None = None) -> Release:
    """Puts an older version into service; newer ones are withdrawn, the canary among them.

    Args:
      to: None: the one before.

    Raises:
      ReleaseError: there is no such version, or it is in service, or newer than what is.
    """
    with locked(workspace):
        before = release(workspace)
        target = before.previous if to is None else to
        if target is None:
            raise ReleaseError(f"no version before {before.stable} to go back to in {workspace.uri('models')}")
        _existing(workspace, before, target)
        if before.stable is None or target > before.stable:
            raise ReleaseError(
                f"version {target} is newer than {before.stable}, which is in service: promote it instead"
            )
        if target == before.stable:
            raise ReleaseError(f"version {target} is in service already: choose another one")
        withdrawn = {*before.withdrawn, *(v for v in before.versions if v > target)} - {target}
        return _record(workspace, before, "rollback", target, withdrawn, None)


def promote(workspace: Workspace, version: int | None = None) -> Release:
    """Puts a newer version into service: the canary, or one that was withdrawn.

    Raises:
      ReleaseError: there is no such version, or no canary, or what is in service is as new.
    """
    with locked(workspace):
        before = release(workspace)
        target = before.canary if version is None else version
        if target is None:
            raise ReleaseError("no version waits as a canary: name the version to promote")
        _existing(workspace, before, target)
        if before.stable is not None and target <= before.stable:
            raise ReleaseError(
                f"version {target} is not newer than {before.stable}, which is in service: roll back instead"
            )
        canary = before.canary if before.canary is not None and before.canary > target else None
        return _record(workspace, before, "promote", target, {*before.withdrawn} - {target}, canary)


def retire(workspace: Workspace, keep: int) -> list[int]:
    """Deletes old versions and their training weights.

    Args:
      keep: how many of the newest stay, at least 1; what serves, and what a rollback would go back to, always do.

    Returns:
      Versions deleted, oldest first.
    """
    with locked(workspace):
        before = release(workspace)
        kept = {*before.versions[-keep:], *before.serving.values(), before.previous}
        gone = [version for version in before.versions if version not in kept]
        for version in gone:  # in one step, so that no half of a version is left where TF Serving or a rollback looks
            aside = workspace.uri("models", f".{version}{RETIRED}")
            workspace.fs.move(workspace.path(workspace.model(version)), workspace.path(aside))
            _record(workspace, before, "retire", version, {*before.withdrawn} - {*gone}, before.canary)
            workspace.delete(workspace.checkpoint(version))
        for info in workspace.list(workspace.uri("models")):  # those of a command that was killed, too
            if info.base_name.endswith(RETIRED):
                workspace.delete(workspace.uri("models", info.base_name))
        return gone


def _existing(workspace: Workspace, known: Release, version: int) -> None:
    if version not in known.versions or not workspace.exists(f"{workspace.model(version)}/saved_model.pb"):
        names = ", ".join(map(str, known.versions)) or "none"
        raise ReleaseError(f"no version {version} in {workspace.uri('models')}; there are: {names}")


def _record(
    workspace: Workspace,
    before: Release,
    action: str,
    version: int | None,
    withdrawn: set[int],
    canary: int | None,
    **more: Any,
) -> Release:
    record: dict[str, Any] = workspace.release()
    change = {"withdrawn": sorted(withdrawn), "canary": canary, **more}
    after = workspace.served(release={**record, **change})
    time = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    done = {"time": time, "action": action, "version": version, "before": before.stable, "after": after}
    workspace.write_release({**record, **change, "actions": [*record["actions"], done]})
    return release(workspace)
