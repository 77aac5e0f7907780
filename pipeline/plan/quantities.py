"""What a plan of data is asked and what it answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

MIB = 1 << 20


@dataclasses.dataclass(frozen=True)
class Scale:
    """A day, asked for."""

    users: int
    items: int
    scenarios: int
    impressions: int


@dataclasses.dataclass(frozen=True)
class Budget:
    """What may be spent.

    Attributes:
      hours: that all Beam components of a day may take together.
      memory: bytes of a worker process.
      workers: processes of one core; None: as many as `hours` demands.
      efficiency: of a worker's core over a measured one.
      copy_rate: bytes a second that one machine reads and writes where days are published.
    """

    hours: float = 4.0
    memory: int = 4096 * MIB
    workers: int | None = None
    efficiency: float = 0.5
    copy_rate: float = 200e6


@dataclasses.dataclass(frozen=True)
class Days:
    """How many days of what: `lookback` of logs before the day, `history` of them with behaviors, `rated` with rates,
    `train` of examples that are analysed; `length` behaviors of a history."""

    lookback: int
    history: int
    rated: int
    train: int
    length: int


@dataclasses.dataclass(frozen=True)
class Line:
    """Core-seconds of a component: `fixed`, which no worker shortens, and `each` unit of its work."""

    fixed: float
    each: float


@dataclasses.dataclass(frozen=True)
class Step:
    """A component at the scale: bytes, how often it shuffles, its workers, hours and each worker's memory."""

    name: str
    read: float
    written: float
    shuffled: float
    shuffles: int
    workers: int
    hours: float
    memory: float


@dataclasses.dataclass(frozen=True)
class Estimate:
    """The answer.

    Attributes:
      partitions, batch_rows: to be set under `ingest`.
      pairs: of scenario and item, at most; pair_bytes: their table on disk.
      day_bytes: by table, what a day leaves; window_bytes: what must stay to train; peak_bytes: while a day runs.
    """

    steps: tuple[Step, ...]
    workers: int
    partitions: int
    batch_rows: int
    pairs: int
    pair_bytes: float
    day_bytes: Mapping[str, float]
    window_bytes: float
    peak_bytes: float

    @property
    def hours(self) -> float:
        """Hours of all steps."""
        return sum(step.hours for step in self.steps)
