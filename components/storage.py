"""Files and folders wherever their URI points: a disk, or a bucket that `pyarrow.fs` knows.

Bytes are as they are given, whatever a name ends with. A file is written in one step: its readers see the old content,
the new one, or none, never a part.
What TensorFlow itself reads and writes (examples, SavedModels, checkpoints, logs for TensorBoard) goes through its own
file systems.
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
import os
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from pyarrow import fs

_CHUNK = 1 << 22


def located(uri: str) -> tuple[fs.FileSystem, str]:
    """The file system that a URI, or a local path, lies in, and the path within."""
    return fs.FileSystem.from_uri(uri if "://" in uri else os.path.abspath(uri))


def exists(uri: str) -> bool:
    """Whether there is a file or a folder."""
    return _kind(uri) != fs.FileType.NotFound


def is_folder(uri: str) -> bool:
    """Whether there is a folder."""
    return _kind(uri) == fs.FileType.Directory


def size(uri: str) -> int:
    """Bytes of a file.

    Raises:
      FileNotFoundError: there is none.
    """
    filesystem, path = located(uri)
    info = filesystem.get_file_info(path)
    if info.type != fs.FileType.File:
        raise FileNotFoundError(f"{uri} is no file")
    return int(info.size)


def read(uri: str) -> bytes:
    """The content of a file.

    Raises:
      FileNotFoundError: there is none.
    """
    filesystem, path = located(uri)
    with filesystem.open_input_stream(path, compression=None) as stream:
        return stream.read()


def sha256(uri: str) -> str:
    """SHA-256 of a file's content, in hex; see `read`."""
    hashed = hashlib.sha256()
    with open_input(uri) as stream:
        while chunk := stream.read(_CHUNK):
            hashed.update(chunk)
    return hashed.hexdigest()


def read_text(uri: str) -> str:
    """The text of a file in UTF-8; see `read`."""
    return read(uri).decode()


def read_json(uri: str) -> Any:
    """The value of a JSON file; see `read`."""
    return json.loads(read(uri))


def write(uri: str, content: str | bytes) -> None:
    """Replaces a file in one step; makes its folder."""
    filesystem, path = located(uri)
    filesystem.create_dir(os.path.dirname(path), recursive=True)
    on_disk = isinstance(filesystem, fs.LocalFileSystem)  # a bucket shows an object when it is complete
    target = f"{path}.{uuid.uuid4().hex}.aside" if on_disk else path
    with filesystem.open_output_stream(target, compression=None) as stream:
        stream.write(content.encode() if isinstance(content, str) else content)
    if on_disk:
        os.replace(target, path)


def write_json(uri: str, value: Any) -> None:
    """Writes a JSON file, keys in order."""
    write(uri, json.dumps(value, indent=1, sort_keys=True))


def open_input(uri: str) -> Any:
    """A binary file for reading anywhere within; to be closed, as by `with`.

    Raises:
      FileNotFoundError: there is no such file.
    """
    filesystem, path = located(uri)
    return filesystem.open_input_file(path)


def open_output(uri: str) -> Any:
    """A binary file for writing from its beginning, complete when it is closed; makes its folder."""
    filesystem, path = located(uri)
    filesystem.create_dir(os.path.dirname(path), recursive=True)
    return filesystem.open_output_stream(path, compression=None)


def move(source: str, target: str) -> None:
    """Gives a file another name, over a file that has it, within one file system; makes the folder."""
    filesystem, path = located(target)
    filesystem.create_dir(os.path.dirname(path), recursive=True)
    filesystem.move(located(source)[1], path)


def make_folder(uri: str) -> None:
    """Makes a folder and those above it, as far as they are not there."""
    filesystem, path = located(uri)
    filesystem.create_dir(path, recursive=True)


def delete(uri: str) -> None:
    """Deletes a file, or a folder with all below it; nothing where there is neither."""
    filesystem, path = located(uri)
    kind = filesystem.get_file_info(path).type
    if kind == fs.FileType.Directory:
        filesystem.delete_dir(path)
    elif kind == fs.FileType.File:
        filesystem.delete_file(path)


def names(folder: str) -> list[str]:
    """Names of files and folders within, in order; none where there is no such folder."""
    return [info.base_name for info in entries(folder)]


def files(folder: str) -> list[str]:
    """URIs of the files below a folder, its sub-folders' too, in order; none where there is no such folder."""
    path = located(folder)[1].rstrip("/")
    below = (info for info in entries(folder, recursive=True) if info.type == fs.FileType.File)
    return [folder.rstrip("/") + info.path[len(path) :] for info in below]


def entries(folder: str, recursive: bool = False) -> list[fs.FileInfo]:
    """What lies in a folder, by path; nothing where there is no such folder."""
    filesystem, path = located(folder)
    selector = fs.FileSelector(path, allow_not_found=True, recursive=recursive)
    return sorted(filesystem.get_file_info(selector), key=lambda info: info.path)


def expand(patterns: Sequence[str]) -> list[str]:
    """Files behind patterns whose last part has `*` and `?`, in a fixed order; none where a folder is absent."""
    return sorted(file for pattern in patterns for file in _matches(pattern))


def _matches(pattern: str) -> Iterator[str]:
    folder, _, wanted = pattern.rpartition("/")
    for info in entries(folder):
        if info.type == fs.FileType.File and fnmatch.fnmatchcase(info.base_name, wanted):
            yield f"{folder}/{info.base_name}"


def _kind(uri: str) -> fs.FileType:
    filesystem, path = located(uri)
    return filesystem.get_file_info(path).type
