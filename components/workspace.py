"""Where everything lies: one URI with a folder for each kind of thing.

    logs/day=D/*.parquet            what the platform recorded
    quarantine/day=D/               rows refused, with reasons
    examples/day=D/                 checked impressions with histories, rates and Fairness Coefficients;
                                    `examples/`, `statistics/` and `summary.json` within
    fairness/day=D/                 Fairness Coefficients per (scenario, item)
    models/<version>/               SavedModels, as TF Serving wants them
    checkpoints/<version>/          training weights that the next training can go on from
    serving/                        which versions serve (`release.json`), and TF Serving's configuration
    reports/day=D/                  report.html and what it was drawn from
    tfx/                            TFX's own artifacts and metadata

A published day is a folder of its own behind a small file `_CURRENT`, which is replaced in one step:
a reader sees the old day or the new one, never half of either, on a disk as on an object store.
"""

from __future__ import annotations

import builtins
import datetime
import json
import os
import re
import time
import uuid
from collections.abc import Mapping
from typing import Any

from pyarrow import fs

from scenerank.components import storage
from scenerank.components.transfer import bring, mirror
from scenerank.errors import WorkspaceError

DAY = re.compile(r"day=(\d{4}-\d{2}-\d{2})$")
CURRENT = "_CURRENT"
RELEASE = ("serving", "release.json")


def shift(day: str, days: int) -> str:
    """The ISO date `days` after `day`."""
    return (datetime.date.fromisoformat(day) + datetime.timedelta(days=days)).isoformat()


class Workspace:
    """Paths of a workspace and the few operations on them.

    Args:
      uri: a local path, or a URI that `pyarrow.fs` knows.

    Raises:
      WorkspaceError: a local path with `[`, `*` or `?`; Beam looks even for the files that it wrote by pattern.
    """

    def __init__(self, uri: str):
        self.root = uri.rstrip("/") if "://" in uri else os.path.abspath(os.path.expanduser(uri))
        if "://" not in uri and re.search(r"[\[*?]", self.root):
            raise WorkspaceError(
                f"{self.root} has one of [ * ? in it, which Beam takes for patterns: choose another path"
            )
        self.fs, self._base = storage.located(self.root)

    def uri(self, *parts: str) -> str:
        """URI of what lies at this path in the workspace."""
        return "/".join((self.root, *parts))

    def path(self, uri: str) -> str:
        """`uri` as the file system of the workspace wants it.

        A file system of its own is looked up where `uri` lies outside the workspace.
        """
        return self._base + uri[len(self.root) :] if uri.startswith(self.root) else storage.located(uri)[1]

    def exists(self, uri: str) -> bool:
        """Whether there is a file or folder."""
        return storage.exists(uri)

    def list(self, uri: str, recursive: bool = False) -> builtins.list[fs.FileInfo]:
        """Entries below `uri`, by name; none where there is no such folder."""
        return storage.entries(uri, recursive)

    def read_text(self, uri: str) -> str:
        """Reads a file."""
        return storage.read_text(uri)

    def write_text(self, uri: str, text: str) -> None:
        """Replaces the file in one step."""
        storage.write(uri, text)

    def read_json(self, uri: str) -> Any:
        """Reads a file of JSON."""
        return storage.read_json(uri)

    def delete(self, uri: str) -> None:
        """Deletes a file, or a folder with all below it, if there is one."""
        storage.delete(uri)

    def copy(self, source: str, target: str) -> None:
        """Gives the workspace a folder or a file that is written no more, from wherever; linked where that can be."""
        if storage.is_folder(source):
            mirror(source, target)
        else:
            bring(source, target)

    # days

    def log_days(self) -> builtins.list[str]:
        """Days that have a folder of logs."""
        found = (DAY.search(info.base_name) for info in self.list(self.uri("logs")))
        return [match.group(1) for match in found if match]

    def days(self, table: str) -> builtins.list[str]:
        """Days published in `examples`, `fairness` or `quarantine`."""
        found = (DAY.search(info.base_name) for info in self.list(self.uri(table)))
        return [m.group(1) for m in found if m and self.exists(self.uri(table, m.group(0), CURRENT))]

    def day(self, table: str, day: str) -> str:
        """URI of the folder with the day's current content.

        Raises:
          WorkspaceError: the day was not published.
        """
        folder = self.uri(table, f"day={day}")
        if not self.exists(f"{folder}/{CURRENT}"):
            raise WorkspaceError(f"{folder} is not published: run the day first")
        return f"{folder}/{self.read_text(f'{folder}/{CURRENT}').strip()}"

    def publish(self, table: str, day: str, source: str | Mapping[str, str]) -> str:
        """Makes the folder `source` the day's content, all or nothing, and deletes what it replaces.

        What a killed run left is deleted a day later: until then it may be another run's, still writing.

        Args:
          source: a folder; or folders and files by the name that they shall have within.
        """
        folder = self.uri(table, f"day={day}")
        current = f"{folder}/{CURRENT}"
        replaced = self.read_text(current).strip() if self.exists(current) else None
        name = uuid.uuid4().hex[:12]
        for part, uri in ({"": source} if isinstance(source, str) else source).items():
            self.copy(uri, f"{folder}/{name}/{part}".rstrip("/"))
        self.write_text(current, name)
        for info in self.list(folder):
            if info.base_name == replaced or (info.base_name not in (name, CURRENT) and self._abandoned(info)):
                self.delete(f"{folder}/{info.base_name}")
        return f"{folder}/{name}"

    def _abandoned(self, entry: fs.FileInfo, seconds: float = 86400) -> bool:
        """Whether nothing at or below `entry` was written lately."""
        below = self.fs.get_file_info(fs.FileSelector(entry.path, allow_not_found=True, recursive=True))
        times = [info.mtime.timestamp() for info in (entry, *below) if info.mtime is not None]
        return bool(times) and max(times) < time.time() - seconds

    # models

    def versions(self) -> builtins.list[int]:
        """Versions that TF Serving sees, oldest first."""
        return sorted(int(i.base_name) for i in self.list(self.uri("models")) if i.base_name.isdigit())

    def served(self, before: str | None = None, release: Mapping[str, Any] | None = None) -> int | None:
        """The version in service, the highest that is neither withdrawn nor a canary.

        Args:
          before: a day: as of the start of its run.
          release: what `release` gives, if it is not to be read.
        """
        bound = version(before, 0) if before else None
        record = self.release() if release is None else release
        silent = {*record["withdrawn"], record["canary"]}
        return max((v for v in self.versions() if v not in silent and (bound is None or v < bound)), default=None)

    def release(self) -> dict[str, Any]:
        """The record of releases, see `components.pusher.releases`."""
        uri = self.uri(*RELEASE)
        return self.read_json(uri) if self.exists(uri) else {"withdrawn": [], "canary": None, "actions": []}

    def write_release(self, record: Mapping[str, Any]) -> None:
        """Replaces the record in one step."""
        self.write_text(self.uri(*RELEASE), json.dumps(record, indent=1))

    def model(self, version: int) -> str:
        """URI of a model's folder."""
        return self.uri("models", str(version))

    def checkpoint(self, version: int) -> str:
        """URI of the folder of a model's weights."""
        return self.uri("checkpoints", str(version))


def version(day: str, attempt: int) -> int:
    """Version number of a model: its day and the attempt, 0 to 99: 2022050501 for the first of 2022-05-05."""
    return int(day.replace("-", "")) * 100 + attempt
