"""Formats of files of rows: what a name says, what the first bytes say, and which columns a header names."""

from __future__ import annotations

import io
import posixpath
from collections.abc import Collection, Sequence
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.csv as pcsv
from pyarrow import fs

from scenerank.errors import DataError

Format = Literal["parquet", "json", "csv"]
FORMATS: dict[str, Format] = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "json",
    ".ndjson": "json",
    ".json": "json",
    ".csv": "csv",
}
UNREADABLE = (pa.ArrowException, OSError, EOFError)
HEAD = 1 << 20
"""First bytes of a text file that are looked at."""
_GZIP, _UTF_16 = b"\x1f\x8b", (b"\xff\xfe", b"\xfe\xff")
BOM = b"\xef\xbb\xbf"


def format_of(file: str) -> Format:
    """What a file's name says that it is.

    Raises:
      DataError: nothing that can be read.
    """
    name = file.removesuffix(".gz")
    format = FORMATS.get(posixpath.splitext(name)[1].lower())
    if format is None or (format == "parquet" and name != file):
        raise DataError(f"{file} is no log that can be read: use {', '.join(FORMATS)}, the text files also with .gz")
    return format


def open_text(filesystem: fs.FileSystem, path: str, file: str) -> pa.NativeFile:
    """A file's bytes, inflated if its name ends with `.gz`.

    Args:
      file: what messages call it.

    Raises:
      DataError: name and content do not agree on whether it is gzip.
    """
    named = file.endswith(".gz")
    with filesystem.open_input_stream(path, compression=None) as stream:
        start = stream.read(len(_GZIP))
    if start == _GZIP and not named:
        raise DataError(f"{file} is gzip, which its name does not say: end the name with .gz")
    if start and start != _GZIP and named:
        raise DataError(f"{file} is no gzip, which its name says: take .gz from the name, or compress the file")
    return filesystem.open_input_stream(path, compression="gzip" if named else None)


def head_of(filesystem: fs.FileSystem, path: str, file: str) -> bytes:
    """The first `HEAD` bytes of a text file, inflated.

    Raises:
      DataError: as `open_text`; or it is UTF-16.
    """
    with open_text(filesystem, path, file) as stream:
        head = stream.read(HEAD)
    if head.startswith(_UTF_16):
        raise DataError(f"{file} is text in UTF-16: write it in UTF-8")
    return head


def csv_names(head: bytes, file: str) -> list[str]:
    """Column names of a CSV file, as the parser of its rows understands them.

    Raises:
      DataError: there is no header line, or it does not end within `head`.
    """
    head = head.removeprefix(BOM).lstrip(b"\r\n")
    if not head.strip():
        raise DataError(f"{file} cannot be read as csv (it has no header line): replace or remove it")
    data = np.frombuffer(head, np.uint8)
    quoted = np.cumsum(data == ord('"')) % 2 == 1
    ends = np.flatnonzero(((data == ord("\n")) | (data == ord("\r"))) & ~quoted)
    if not len(ends) and len(head) >= HEAD - len(BOM):
        raise DataError(f"{file} has a header line of more than {HEAD >> 20} MiB: shorten it")
    header = head[: ends[0]] if len(ends) else head
    options = pcsv.ReadOptions(use_threads=False, block_size=2 * HEAD)
    parse = pcsv.ParseOptions(newlines_in_values=True)
    try:
        return list(pcsv.read_csv(io.BytesIO(header + b"\n"), options, parse).column_names)
    except UnicodeDecodeError:
        raise DataError(f"{file} has a header line that is not UTF-8: write it in UTF-8") from None


def once(names: Sequence[str], wanted: Collection[str], file: str) -> None:
    """Whether a file has each wanted column one time.

    Raises:
      DataError: a name stands twice.
    """
    twice = next((name for name in names if name in wanted and names.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"{file} has {names.count(twice)} columns {twice!r}: keep one, or give each a name of its own")
