"""Files from the workspace into an artifact: linked where the disk allows it, copied otherwise."""

from __future__ import annotations

import json
import os
import shutil
from typing import Any

from pyarrow import fs


def _link_or_copy(source: str, target: str) -> None:
    if os.path.exists(target):
        os.remove(target)
    try:
        os.link(source, target)
    except OSError:  # another disk, or one that knows no links
        shutil.copyfile(source, target)


def mirror(source: str, target: str, prefix: str = "") -> list[str]:
    """Gives folder `target` the files of folder `source`, sub-folders included.

    Published files are replaced, never written into, so a link keeps what it was made of.

    Args:
      source, target: URIs; `target` is made if need be.
      prefix: put before each file's name.

    Returns:
      URIs of the files in `target`.

    Raises:
      FileNotFoundError: there is no folder `source`.
    """
    source_fs, source_path = fs.FileSystem.from_uri(source)
    target_fs, target_path = fs.FileSystem.from_uri(target)
    local = isinstance(source_fs, fs.LocalFileSystem) and isinstance(target_fs, fs.LocalFileSystem)
    target_fs.create_dir(target_path, recursive=True)
    made = []
    for info in sorted(
        source_fs.get_file_info(fs.FileSelector(source_path, recursive=True)), key=lambda info: info.path
    ):
        folder, _, name = info.path[len(source_path.rstrip("/")) + 1 :].rpartition("/")
        relative = "/".join(part for part in (folder, f"{prefix}{name}") if part)
        if info.type == fs.FileType.Directory:
            target_fs.create_dir(f"{target_path}/{folder}/{name}", recursive=True)
            continue
        target_fs.create_dir(f"{target_path}/{folder}", recursive=True)
        if local:
            _link_or_copy(info.path, f"{target_path}/{relative}")
        else:
            fs.copy_files(info.path, f"{target_path}/{relative}", source_fs, target_fs)
        made.append(f"{target.rstrip('/')}/{relative}")
    return made


def write_json(uri: str, value: Any) -> None:
    """Writes a small JSON file, keys in order, wherever `uri` points; makes its folder."""
    target_fs, path = fs.FileSystem.from_uri(uri)
    target_fs.create_dir(path.rpartition("/")[0], recursive=True)
    with target_fs.open_output_stream(path) as stream:
        stream.write(json.dumps(value, indent=1, sort_keys=True).encode())
