"""Files that are written once, for artifacts and the workspace: linked where the disk allows it, else copied."""

from __future__ import annotations

import os
import shutil

from pyarrow import fs

from scenerank.components import storage


def _link_or_copy(source: str, target: str) -> None:
    if os.path.exists(target):
        os.remove(target)
    try:
        os.link(source, target)
    except OSError:  # another disk, or one that knows no links
        shutil.copyfile(source, target)


def bring(source: str, target: str) -> None:
    """Gives the file `target` the content of the file `source`; makes its folder.

    Args:
      source, target: URIs.
    """
    source_fs, source_path = storage.located(source)
    target_fs, target_path = storage.located(target)
    target_fs.create_dir(os.path.dirname(target_path), recursive=True)
    if isinstance(source_fs, fs.LocalFileSystem) and isinstance(target_fs, fs.LocalFileSystem):
        _link_or_copy(source_path, target_path)
    else:
        fs.copy_files(source_path, target_path, source_fs, target_fs)


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
    source_fs, source_path = storage.located(source)
    storage.make_folder(target)
    made = []
    below = source_fs.get_file_info(fs.FileSelector(source_path, recursive=True))
    for info in sorted(below, key=lambda info: info.path):
        inside = info.path[len(source_path.rstrip("/")) + 1 :]
        if info.type == fs.FileType.Directory:
            storage.make_folder(f"{target}/{inside}")
            continue
        folder, slash, name = inside.rpartition("/")
        made.append(f"{target.rstrip('/')}/{folder}{slash}{prefix}{name}")
        bring(f"{source.rstrip('/')}/{inside}", made[-1])
    return made
