"""Days of many small files, with and without keys that far too many rows share, and what workers need for them."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import json
import pathlib
import threading
from collections.abc import Iterator

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tfx.types.standard_artifacts import Examples, Schema

from scenerank.components import hashing
from scenerank.components.artifacts import DayProfile, FairnessTable, Quarantine
from scenerank.components.fairness_coefficient.component import FairnessCoefficient
from scenerank.components.log_example_gen.component import LogExampleGen
from scenerank.components.log_example_gen.joining import streams
from scenerank.pipeline.beam import BeamSettings, options
from scenerank.schemas.declaration import Declaration
from tests.components.ingestion import DAY, DAY_MS, START, declare
from tests.pipeline.portable import Portable, portable

ROWS, FILES, PARTITIONS = 300_000, 200, 16
HOT_USER, HOT_ITEM = 100_000, 1 / 3
"""Events of one user, and one item's share of all impressions."""
MIB = 1 << 20
FIXED_MIB, ROW_KIB = 256, 1
"""What docs/benchmarks/scale.md promises of a worker: this beside its program, and this for each row of a partition, at
most."""


@dataclasses.dataclass(frozen=True)
class Peak:
    """What a run came to.

    Attributes:
      mib: the most resident memory that any one worker process had.
      largest: rows of the largest partition of users.
      rows: of all.
    """

    mib: float
    largest: int
    rows: int


def bound_mib(peak: Peak) -> float:
    """Memory that a worker may need beside its program, by the largest partition of users."""
    return FIXED_MIB + ROW_KIB * peak.largest / 1024


def declaration() -> Declaration:
    """Nine columns, histories of 50, rates by user, by item and by scenario and item."""
    history = {"types": {"click": "click", "buy": "buy"}, "length": 50, "days": 3}
    rates = {"keys": [["user"], ["item"], ["scene", "item"]], "events": ["click"], "days": 2, "prior": 4.0}
    return declare(history=history, rates=rates)


def day_of_rows(back: int, rows: int, hot: bool) -> pa.Table:
    """Impressions of the day `back` days before `DAY`, shuffled; one user and one item may be hot."""
    rng = np.random.default_rng(back)
    user, item = rng.integers(0, rows // 10, rows), rng.integers(0, rows // 30, rows)
    if hot:
        user[: min(HOT_USER, rows // 3)] = 7
        item[rng.random(rows) < HOT_ITEM] = 3
    click = rng.random(rows) < 0.3
    columns = {
        "time_ms": START - back * DAY_MS + rng.integers(0, DAY_MS, rows),
        "scene": np.char.add("scene_", rng.integers(0, 20, rows).astype(str)),
        "user": np.char.add("user_", user.astype(str)),
        "age": rng.integers(18, 80, rows),
        "item": np.char.add("item_", item.astype(str)),
        "price": rng.lognormal(3, 1, rows).astype(np.float32),
        "note": np.char.add("note_", rng.integers(0, 50, rows).astype(str)),
        "click": click.astype(np.int64),
        "buy": (click & (rng.random(rows) < 0.1)).astype(np.int64),
    }
    return pa.table(columns).take(pa.array(rng.permutation(rows)))


def write_logs(folder: pathlib.Path, rows: int, hot: bool) -> None:
    """`DAY` and the day before, each in `FILES` files."""
    for back in (1, 0):
        table = day_of_rows(back, rows, hot)
        day = (datetime.date.fromisoformat(DAY) - datetime.timedelta(days=back)).isoformat()
        target = folder / "logs" / f"day={day}"
        target.mkdir(parents=True)
        for number, start in enumerate(range(0, rows, -(-rows // FILES))):
            pq.write_table(table.slice(start, -(-rows // FILES)), target / f"part-{number:05d}.parquet")


def run(folder: pathlib.Path, engine: Portable, rows: int = ROWS, hot: bool = False) -> Peak:
    """Ingests the day and gives it coefficients, on the engine's workers.

    Args:
      folder: becomes the workspace.
    """
    write_logs(folder, rows, hot)
    declared = declaration().model_dump_json()
    made = {}
    kinds = {
        "examples": Examples,
        "schema": Schema,
        "quarantine": Quarantine,
        "profile": DayProfile,
        "output": Examples,
    }
    for name, kind in {**kinds, "fairness": FairnessTable}.items():
        made[name] = kind()
        made[name].uri = str(folder / name)
        (folder / name).mkdir()
    arguments = options(BeamSettings.model_validate(engine.settings), "unused")
    with workers_watched(engine) as peak:
        LogExampleGen.test_call(
            workspace=str(folder),
            day=DAY,
            declaration=declared,
            settings=json.dumps({"partitions": PARTITIONS}),
            beam_pipeline=beam.Pipeline(argv=arguments),
            **{name: made[name] for name in ("examples", "schema", "quarantine", "profile")},
        )
        FairnessCoefficient.test_call(
            examples=made["examples"],
            output=made["output"],
            fairness=made["fairness"],
            workspace=str(folder),
            day=DAY,
            declaration=declared,
            beam_pipeline=beam.Pipeline(argv=arguments),
        )
    accepted = json.loads((folder / "quarantine" / "summary.json").read_text())["rows_accepted"]
    return Peak(max(peak.values()) / MIB, largest_partition(day_of_rows(0, rows, hot)), accepted)


def largest_partition(rows: pa.Table) -> int:
    """Rows of the partition of users with the most."""
    batch = rows.combine_chunks().to_batches()[0]
    users = hashing.hash_column(batch.column("user"))
    return max(part.num_rows for _, part in streams.divide(batch, users, PARTITIONS, streams.IMPRESSIONS))


@contextlib.contextmanager
def workers_watched(engine: Portable) -> Iterator[dict[int, int]]:
    """Peak resident bytes of each worker process by its id, known at the end."""
    peaks: dict[int, int] = {}
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.05):
            for pid in _children(engine.pool_pid):
                peaks[pid] = max(peaks.get(pid, 0), _peak_bytes(pid))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peaks
    finally:
        done.set()
        thread.join()


def _children(pid: int) -> list[int]:
    found = []
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += map(int, task.read_text().split())
    return found


def _peak_bytes(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def peaks(folder: pathlib.Path) -> dict[str, Peak]:
    """A `tiny` day, for what a worker needs without data, one of `even` keys and one of `hot` keys."""
    found = {}
    with portable(folder / "logs of the engine") as engine:
        for name, rows, hot in (("tiny", 3_000, False), ("even", ROWS, False), ("hot", ROWS, True)):
            (folder / name).mkdir()
            found[name] = run(folder / name, engine, rows, hot)
    return found
