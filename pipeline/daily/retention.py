"""What of old days may go once a run has ended well: never what serves, a rollback needs or the next run reads.

Raw logs, coefficients, quarantines and reports always stay.
"""

from __future__ import annotations

import dataclasses
import datetime
import re
from collections.abc import Iterator

from pyarrow import fs

from scenerank.components.pusher import releases, tf_serving
from scenerank.components.workspace import Workspace, shift
from scenerank.pipeline.daily.settings import RetentionSettings

LOG = re.compile(r"^(\d{4}-\d{2}-\d{2})-(\d{8}T\d{6})\.log$")


@dataclasses.dataclass(frozen=True)
class Removal:
    """Something that may go.

    Attributes:
      uri: file or folder; what: in a word, for people; size: bytes, links counted as if they were files.
    """

    uri: str
    what: str
    size: int


def removals(workspace: Workspace, settings: RetentionSettings, needed_days: int) -> list[Removal]:
    """Lists what may go, versions apart; looks only.

    Args:
      needed_days: published days that the next run reads.
    """
    found = [*_examples(workspace, settings, needed_days), *_printed(workspace, settings)]
    return found + list(_artifacts(workspace, settings))


def clean(workspace: Workspace, settings: RetentionSettings, needed_days: int) -> list[Removal]:
    """Deletes what may go. Who calls holds the lock of runs.

    Returns:
      What is gone, versions apart.
    """
    found = removals(workspace, settings, needed_days)
    for removal in found:
        workspace.delete(removal.uri)
    if settings.versions is not None and releases.retire(workspace, settings.versions):
        tf_serving.write(workspace)
    return found


def begin_anew(workspace: Workspace, settings: RetentionSettings) -> None:
    """Deletes TFX's metadata, with the artifacts that they number, where they have grown too large; before a run."""
    database = workspace.fs.get_file_info(workspace.path(workspace.uri("tfx", "metadata.db")))
    if settings.metadata_mb is None or (database.size or 0) <= settings.metadata_mb * 2**20:
        return
    for info in workspace.list(workspace.uri("tfx")):
        if info.base_name not in ("logs", "checkpoint") and not info.base_name.startswith("."):  # locks lie there
            workspace.delete(workspace.uri("tfx", info.base_name))


def _examples(workspace: Workspace, settings: RetentionSettings, needed_days: int) -> Iterator[Removal]:
    days = workspace.days("examples")
    if settings.examples is None or not days:
        return
    first = shift(days[-1], -max(settings.examples, needed_days))
    for day in days:
        if day <= first:
            yield _removal(workspace, workspace.uri("examples", f"day={day}"), "examples")


def _printed(workspace: Workspace, settings: RetentionSettings) -> Iterator[Removal]:
    if settings.printed_days is None:
        return
    oldest = datetime.datetime.now() - datetime.timedelta(days=settings.printed_days)
    for info in workspace.list(workspace.uri("tfx", "logs")):
        match = LOG.match(info.base_name)
        if match and datetime.datetime.strptime(match.group(2), "%Y%m%dT%H%M%S") < oldest:
            yield _removal(workspace, workspace.uri("tfx", "logs", info.base_name), "log")


def _artifacts(workspace: Workspace, settings: RetentionSettings) -> Iterator[Removal]:
    """Folders `tfx/<component>/<output>/<number>` and what TFX has of its own beside them."""
    if settings.artifacts is None:
        return
    numbered: dict[str, list[int]] = {}
    base = workspace.path(workspace.uri("tfx"))
    for component in _folders(workspace, base):
        for output in _folders(workspace, component):
            inner = _folders(workspace, output) if output.rpartition("/")[2].startswith(".") else [output]
            for folder in inner:
                names = (path.rpartition("/")[2] for path in _folders(workspace, folder))
                numbered[folder[len(base) :]] = sorted(int(name) for name in names if name.isdigit())
    for below, numbers in numbered.items():
        for number in numbers[: -settings.artifacts]:
            yield _removal(workspace, f"{workspace.uri('tfx')}{below}/{number}", "artifact")


def _folders(workspace: Workspace, path: str) -> list[str]:
    found = workspace.fs.get_file_info(fs.FileSelector(path, allow_not_found=True))
    return [info.path for info in found if info.type == fs.FileType.Directory]


def _removal(workspace: Workspace, uri: str, what: str) -> Removal:
    info = workspace.fs.get_file_info(workspace.path(uri))
    below = [info] if info.type == fs.FileType.File else workspace.list(uri, recursive=True)
    return Removal(uri, what, sum(one.size or 0 for one in below))
