"""JSON Lines that others wrote, as blocks of whole lines that Arrow's parser can be given."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

BLOCK = 8 << 20
LONGEST = 64 << 20
"""Bytes of a line; a file that inflates to one endless line is left at that."""
DEEPEST = 1000
"""Brackets within brackets; the parser calls itself for each, and some ten thousand end the process."""
_STEPS = np.zeros(256, np.int32)
_STEPS[list(b"[{")], _STEPS[list(b"]}")] = 1, -1


def blocks(stream: pa.NativeFile) -> Iterator[bytes]:
    """A stream's text in blocks of whole lines.

    Raises:
      pyarrow.ArrowInvalid: a line is longer than `LONGEST`, or nested deeper than `DEEPEST`.
    """
    rest = b""
    while chunk := stream.read(BLOCK):
        lines, newline, rest = (rest + chunk).rpartition(b"\n")
        if len(rest) > LONGEST:
            raise pa.ArrowInvalid(f"a line has more than {LONGEST >> 20} MiB")
        if newline:
            yield _flat(lines)
    if rest:
        yield _flat(rest)


def _flat(lines: bytes) -> bytes:
    """The lines, none of them too deep. Brackets in texts count, too: `DEEPEST` of them, none closed, are no text."""
    ends = np.append(np.flatnonzero(np.frombuffer(lines, np.uint8) == ord("\n")), len(lines))
    starts = np.insert(ends[:-1] + 1, 0, 0)
    for line in np.flatnonzero(ends - starts > DEEPEST):
        text = lines[starts[line] : ends[line]]
        if (
            text.count(b"[") + text.count(b"{") > DEEPEST
            and _STEPS[np.frombuffer(text, np.uint8)].cumsum().max() > DEEPEST
        ):
            raise pa.ArrowInvalid(f"a line has brackets within brackets, more than {DEEPEST:,} deep")
    return lines
