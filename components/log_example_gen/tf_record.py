"""Gzipped TFRecord files, written by the block.

`tf.io.TFRecordWriter` takes record after record and compresses in the caller's thread. Here Arrow frames
a block of records at once, and a second thread, which needs no interpreter lock, compresses and writes it
while the next block is made.

    file    gzip(record*)
    record  length uint64 | masked crc32c(length) uint32 | data | masked crc32c(data) uint32
"""

from __future__ import annotations

import concurrent.futures
import functools
import struct
import zlib
from types import TracebackType
from typing import BinaryIO

import google_crc32c
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.log_example_gen.tf_example import binary, by_length, offsets_of

_GZIP = 16 + zlib.MAX_WBITS
_EMPTY = pa.scalar(b"", pa.binary())


class TFRecordWriter:
    """Writes blocks of records to an open file; a context manager.

    One block is compressed while the caller makes the next, so two are held at most.
    """

    def __init__(self, file: BinaryIO, level: int):
        self._file = file
        # gzip's header as zlib writes it holds no time: equal records give equal bytes.
        self._compressor = zlib.compressobj(level, zlib.DEFLATED, _GZIP)
        self._thread = concurrent.futures.ThreadPoolExecutor(1)
        self._pending: concurrent.futures.Future[None] | None = None

    def write(self, records: pa.Array) -> None:
        """Appends records, binary `[N]`."""
        block = frame(records)
        self._wait()
        self._pending = self._thread.submit(self._compress, block)

    def __enter__(self) -> TFRecordWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._wait()
            self._file.write(self._compressor.flush())
        finally:
            self._thread.shutdown()

    def _wait(self) -> None:
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.result()

    def _compress(self, block: memoryview) -> None:
        self._file.write(self._compressor.compress(block))


def frame(records: pa.Array) -> memoryview:
    """The records `[N]` as a TFRecord file holds them before compression."""
    if not len(records):
        return memoryview(b"")
    ends = offsets_of(records).tolist()
    data = (records.buffers()[2] or pa.py_buffer(b"")).to_pybytes()
    sums = np.fromiter((google_crc32c.value(data[a:b]) for a, b in zip(ends, ends[1:])), np.uint32, len(records))
    trailer = binary(np.arange(0, 4 * len(sums) + 1, 4), pa.py_buffer(masked(sums).astype("<u4")))
    header = by_length(pc.binary_length(records), _header)
    framed = pc.binary_join_element_wise(header, records, trailer, _EMPTY)
    bounds = offsets_of(framed)
    return memoryview(framed.buffers()[2])[int(bounds[0]) : int(bounds[-1])]


def masked(sums: np.ndarray) -> np.ndarray:
    """A checksum of data that holds checksums is weak, so TFRecord rotates and shifts them; uint32 `[N]`."""
    return ((sums >> np.uint32(15)) | (sums << np.uint32(17))) + np.uint32(0xA282EAD8)


@functools.lru_cache(maxsize=1 << 16)
def _header(length: int) -> bytes:
    encoded = struct.pack("<Q", length)
    checksum = np.array([google_crc32c.value(encoded)], np.uint32)
    return encoded + masked(checksum).astype("<u4").tobytes()
