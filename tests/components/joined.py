"""Rows taken through the steps of ingestion as its workers do it, without Beam."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from scenerank.components.log_example_gen.joining import streams
from scenerank.components.log_example_gen.joining.assemble import Partition
from scenerank.components.log_example_gen.joining.history import latest, settled_ms
from scenerank.schemas.declaration import Declaration
from tests.components.ingestion import DAY, row


def checked(rows: list[dict[str, Any]], declaration: Declaration) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(rows, schema=declaration.log_schema)


def joined(rows: list[dict[str, Any]], declaration: Declaration, batch_rows: int, slice_rows: int = 3) -> list[dict]:
    """As the workers do it: batches of each day reduced on their own, then one partition for all users."""
    start = row()["time_ms"]
    settled = settled_ms(declaration, DAY)
    partition = Partition(declaration, settled)
    for early in (True, False):
        part = [r for r in rows if (r["time_ms"] < start) == early]
        for at in range(0, len(part), batch_rows):
            prepared = streams.Rows(checked(part[at : at + batch_rows], declaration), declaration)
            if early:
                kept = latest(prepared.behaviors(), declaration, settled)
                partition.add(kept.replace_schema_metadata({streams.STREAM: streams.BEHAVIORS}))
            else:
                kept = prepared.impressions()
                partition.add(kept.replace_schema_metadata({streams.STREAM: streams.IMPRESSIONS}))
    if partition.empty:
        return []
    return [e for batch in partition.examples({}, slice_rows) for e in batch.to_pylist()]
