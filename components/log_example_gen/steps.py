"""The steps of ingestion, for those who take rows through them without Beam.

Whoever is outside this component imports from here alone.
"""

from __future__ import annotations

from scenerank.components.log_example_gen.checking.checks import check
from scenerank.components.log_example_gen.coder import RecordBatchCoder
from scenerank.components.log_example_gen.joining import rates, streams
from scenerank.components.log_example_gen.joining.assemble import KEY_SET, Partition
from scenerank.components.log_example_gen.joining.history import settled_ms
from scenerank.components.log_example_gen.reading.files import LogSlice, day_slices
from scenerank.components.log_example_gen.reading.reader import read
from scenerank.components.log_example_gen.writing.tf_example import encode

__all__ = [
    "KEY_SET",
    "LogSlice",
    "Partition",
    "RecordBatchCoder",
    "check",
    "day_slices",
    "encode",
    "rates",
    "read",
    "settled_ms",
    "streams",
]
