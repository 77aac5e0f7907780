"""What a part of a day's rows adds to the day's profile."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from scenerank.components import hashing
from scenerank.components.day_profile.histogram import Histogram
from scenerank.components.day_profile.sample import sample, smallest
from scenerank.components.records.profile import QUANTILES, Profile
from scenerank.schemas.columns import Column
from scenerank.schemas.declaration import Declaration

HOUR_MS, HOURS = 3_600_000, 24


@dataclasses.dataclass(frozen=True)
class Tally:
    """Sums of some rows. Merged in any order and grouping they are the same, and no larger for more rows.

    Attributes:
      rows, clicks: by scenario.
      hours: rows, int64 `[24]`; None where the day does not follow from the time.
      numbers, missing: by column.
      keys: hashes by column, see `sample.smallest`.
    """

    rows: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    clicks: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    missing: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    hours: np.ndarray | None = None
    numbers: dict[str, Histogram] = dataclasses.field(default_factory=dict)
    keys: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)

    @classmethod
    def of(cls, good: pa.RecordBatch, declaration: Declaration) -> Tally:
        """Of rows that fulfil the declaration, see `checks.Checked`."""
        names, place = _distinct(good.column(declaration.scenario.name))
        clicked = hashing.numpy_of(good.column(declaration.label.name)) > 0
        rows, clicks = (np.bincount(place[chosen], minlength=len(names)) for chosen in (slice(None), clicked))
        numbers = {}
        for column in _numbers(declaration):
            values = good.column(column.name).drop_null().to_numpy()
            numbers[column.name] = Histogram.of(values[np.isfinite(values)])
        return cls(
            rows=collections.Counter({name: n for name, n in zip(names, rows.tolist()) if n}),
            clicks=collections.Counter({name: n for name, n in zip(names, clicks.tolist()) if n}),
            missing=collections.Counter(
                {c.name: good.column(c.name).null_count for c in declaration.columns if not c.required}
            ),
            hours=_hours(good, declaration),
            numbers=numbers,
            keys={
                key.name: smallest([hashing.hash_column(good.column(key.name))])
                for key in (declaration.user, declaration.item)
            },
        )

    @classmethod
    def merged(cls, parts: Iterable[Tally]) -> Tally:
        """The sum of any number of tallies."""
        parts = list(parts)
        rows, clicks, missing = collections.Counter[str](), collections.Counter[str](), collections.Counter[str]()
        histograms: dict[str, list[Histogram]] = {}
        hashes: dict[str, list[np.ndarray]] = {}
        for part in parts:
            rows.update(part.rows)
            clicks.update(part.clicks)
            missing.update(part.missing)
            for name, histogram in part.numbers.items():
                histograms.setdefault(name, []).append(histogram)
            for name, found in part.keys.items():
                hashes.setdefault(name, []).append(found)
        hours = [part.hours for part in parts if part.hours is not None]
        return cls(
            rows=rows,
            clicks=clicks,
            missing=missing,
            hours=np.sum(hours, axis=0) if hours else None,
            numbers={name: Histogram.merged(found) for name, found in histograms.items()},
            keys={name: smallest(found) for name, found in hashes.items()},
        )

    def profile(self, day: str) -> Profile:
        """The profile of a day that is all in here."""
        quantiles = {name: self.numbers[name].quantiles(QUANTILES) for name in sorted(self.numbers)}
        return Profile(
            day=day,
            rows=self.rows.total(),
            clicks=self.clicks.total(),
            scenarios={name: (self.rows[name], self.clicks[name]) for name in sorted(self.rows)},
            hours=[] if self.hours is None else self.hours.tolist(),
            numbers={name: found for name, found in quantiles.items() if found},
            missing=dict(sorted(self.missing.items())),
            keys={name: sample(self.keys[name]) for name in sorted(self.keys)},
        )


def _numbers(declaration: Declaration) -> list[Column]:
    """Columns whose values are more or less, and no names, dates, positions in time or one of few."""
    apart = {"label", "outcome", "time", "request_id", "event_id", "intervention"}
    named = [c for c in declaration.columns if c.key or c.values or (c.encoding and c.encoding.names_values)]
    numeric = [c for c in declaration.columns if c.type == "float32" or (c.type == "int64" and c.encoding)]
    return [c for c in numeric if c not in named and c.group not in apart]


def _distinct(column: pa.Array) -> tuple[list[str], np.ndarray]:
    """The values that a column has, and int `[N]`, which of them each row has."""
    null = hashing.is_null(column)
    coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    distinct = coded.dictionary.dictionary_encode()  # a checked column's dictionary may repeat itself
    names = [*map(str, distinct.dictionary.to_pylist()), ""]
    known = hashing.numpy_of(coded.indices)[~null]
    place = np.full(len(column), len(names) - 1)
    place[~null] = hashing.numpy_of(distinct.indices)[known]
    return names, place


def _hours(good: pa.RecordBatch, declaration: Declaration) -> np.ndarray | None:
    if not declaration.partitioned_by_time:
        return None
    local = hashing.numpy_of(good.column(declaration.time.name)) + round(declaration.utc_offset_hours * HOUR_MS)
    return np.bincount(local // HOUR_MS % HOURS, minlength=HOURS)
