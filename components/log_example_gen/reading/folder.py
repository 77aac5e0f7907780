"""The files in a day's folder: each is a log, or says why it is none; nothing is passed over in silence."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator

from pyarrow import fs

from scenerank.components.workspace import Workspace
from scenerank.errors import DataError, one_line


def log_files(workspace: Workspace, folder: str, columns: Collection[str]) -> list[str]:
    """Paths below the workspace of the files in a folder and the folders in it, in order.

    Hidden ones are left behind by those who write logs: `_SUCCESS`, `.part-0.crc`.

    Args:
      folder: path below the workspace.
      columns: names that no folder's `name=value` may have, as values are read from files alone.

    Raises:
      DataError: a link that leads nowhere or back to where it lies, a pipe, or a folder named after a column.
    """
    base = workspace.path(workspace.uri(folder))
    files = []
    try:
        found = _entries(workspace, base)
    except OSError as error:
        raise DataError(f"{folder} cannot be listed ({one_line(error)}): mend what it names") from None
    for info in found:
        inner = info.path[len(base) :].strip("/")
        *folders, _ = parts = inner.split("/")
        if any(part[0] in "._" for part in parts):
            continue
        if info.type not in (fs.FileType.File, fs.FileType.Directory):
            raise DataError(f"{folder}/{inner} is no file: a link that leads nowhere, a pipe or a socket; remove it")
        if info.type == fs.FileType.File:
            for part in folders:
                name, equals, _ = part.partition("=")
                if equals and name in columns:
                    raise DataError(
                        f"{folder}/{inner}: the folder {part} names a declared column, and values are read from files "
                        "alone: write it into the files, and name the folder otherwise"
                    )
            files.append(f"{folder}/{inner}")
    return files


def _entries(workspace: Workspace, base: str) -> list[fs.FileInfo]:
    if isinstance(workspace.fs, fs.LocalFileSystem):
        found: Iterable[fs.FileInfo] = _below(workspace.fs, base, base, (os.path.realpath(base),))
    else:  # a bucket has no links
        found = workspace.fs.get_file_info(fs.FileSelector(base, allow_not_found=True, recursive=True))
    return sorted(found, key=lambda info: info.path)


def _below(disk: fs.FileSystem, folder: str, base: str, above: tuple[str, ...]) -> Iterator[fs.FileInfo]:
    """Folder by folder: Arrow's own walk follows a link to a folder above it 40 times, and leaves out broken ones."""
    for info in disk.get_file_info([f"{folder}/{name}" for name in os.listdir(folder)]):
        yield info
        if info.type != fs.FileType.Directory or info.base_name[0] in "._":
            continue
        real = os.path.realpath(info.path)
        if real in above:
            inner = info.path[len(os.path.dirname(base)) :].strip("/")
            raise DataError(f"{inner} is a link to a folder that it lies in: remove it")
        yield from _below(disk, info.path, base, (*above, real))
