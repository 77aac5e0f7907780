"""Rows of earlier days that came with a day's logs, kept aside for their own day."""

from __future__ import annotations

import datetime

import numpy as np
import pyarrow as pa

from scenerank.components.hashing import numpy_of
from scenerank.components.log_example_gen.checking.checks import DAY_MS, day_start_ms
from scenerank.components.log_example_gen.checking.quarantine import Part
from scenerank.components.log_example_gen.job import Job
from scenerank.components.log_example_gen.joining.streams import plain
from scenerank.schemas.declaration import Declaration


class Parts:
    """The late rows of one slice, a file aside for each day that they are of."""

    def __init__(self, job: Job, declaration: Declaration):
        self._job, self._declaration = job, declaration
        self._parts: dict[str, Part] = {}

    def add(self, rows: pa.RecordBatch) -> None:
        """Writes rows of any earlier days."""
        if not rows.num_rows:
            return
        columns = [plain(column) for column in rows.columns]
        rows = pa.RecordBatch.from_arrays(columns, schema=self._declaration.log_schema)
        start = day_start_ms(self._declaration, self._job.day)
        before = -((numpy_of(rows.column(self._declaration.time.name)) - start) // DAY_MS)
        for back in np.unique(before):
            day = datetime.date.fromisoformat(self._job.day) - datetime.timedelta(days=int(back))
            part = self._parts.setdefault(day.isoformat(), Part(self._job))
            part.add(rows.filter(pa.array(before == back)))

    def close(self) -> None:
        """Ends the files."""
        for part in self._parts.values():
            part.close()

    @property
    def uris(self) -> dict[str, str]:
        """Files by the day of their rows."""
        return {day: part.uri for day, part in self._parts.items() if part.uri}
