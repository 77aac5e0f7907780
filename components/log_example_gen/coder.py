"""How a RecordBatch travels between Beam workers."""

import apache_beam as beam
import pyarrow as pa

_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)


class RecordBatchCoder(beam.coders.Coder):
    """Arrow IPC: of a slice only its own rows, which pickle does not promise.

    Compressed, because a shuffle copies and keeps every byte several times.
    """

    def encode(self, value: pa.RecordBatch) -> bytes:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, value.schema, options=_OPTIONS) as writer:
            writer.write_batch(value)
        return sink.getvalue().to_pybytes()

    def decode(self, encoded: bytes) -> pa.RecordBatch:
        return pa.ipc.open_stream(encoded).read_next_batch()

    def to_type_hint(self) -> type:
        return pa.RecordBatch


def register() -> None:
    """Makes Beam use it for all `pa.RecordBatch` of pipelines built from now on."""
    beam.coders.registry.register_coder(pa.RecordBatch, RecordBatchCoder)
