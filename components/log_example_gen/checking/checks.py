"""The declaration's checks of a batch of log rows, a column at a time."""

from __future__ import annotations

import dataclasses
import datetime
import itertools
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scenerank.components.hashing import is_null, numpy_of
from scenerank.components.log_example_gen.checking.casting import Cast, as_binary, cast, is_text
from scenerank.components.log_example_gen.reading.json_rows import parted
from scenerank.schemas.columns import Column
from scenerank.schemas.declaration import Declaration

DAY_MS = 86_400_000
FILE, ROW, REASON = "file", "row", "reason"
CONTROL = r"[\x00\n\r]"
"""Not for keys and words of vocabularies: a vocabulary is a file of lines, and names of folders end at a NUL."""


@dataclasses.dataclass(frozen=True)
class Checked:
    """A batch divided.

    Attributes:
      good: rows in declared types; text dictionary-encoded.
      bad: the quarantine: `file`, `row`, `reason` and every declared column as text.
      late: as `good`, rows of days before, which came with this day's logs.
    """

    good: pa.RecordBatch
    bad: pa.RecordBatch
    late: pa.RecordBatch


def day_start_ms(declaration: Declaration, day: str) -> int:
    """First millisecond of `day` in the declaration's time zone, since 1970-01-01 UTC."""
    days = (datetime.date.fromisoformat(day) - datetime.date(1970, 1, 1)).days
    return days * DAY_MS - round(declaration.utc_offset_hours * 3_600_000)


def quarantine_schema(declaration: Declaration) -> pa.Schema:
    """Arrow schema of `quarantine.parquet`; `row` counts from 0 within the file."""
    names = [c.name for c in declaration.columns]
    return pa.schema(
        [
            pa.field(FILE, pa.string()),
            pa.field(ROW, pa.int64()),
            pa.field(REASON, pa.string()),
            *(pa.field(name, pa.string()) for name in names),
        ]
    )


def check(
    raw: pa.RecordBatch, declaration: Declaration, day: str, file: str, rows: np.ndarray, late_days: int = 0
) -> Checked:
    """Divides a batch of a file into rows that fulfil the declaration and rows that do not.

    Args:
      raw: any of the declared columns, in any Arrow type; a column that is not there is null.
      day: which day's logs the file belongs to.
      file: its name, for the quarantine.
      rows: int64 `[N]`, place of each row in the file.
      late_days: of how many days before rows are late and not refused.
    """
    late = np.zeros(raw.num_rows, bool)
    reasons: list[str] = []
    first = np.full(raw.num_rows, -1, np.int32)
    columns = []
    for column in declaration.columns:
        index = raw.schema.get_field_index(column.name)
        typed = cast(raw.column(index) if index >= 0 else pa.nulls(raw.num_rows), column)
        columns.append(typed.values)
        elsewhen: list[tuple[np.ndarray, str]] = []
        if column.group == "time" and declaration.partitioned_by_time:
            late, other = _elsewhen(typed.values, day_start_ms(declaration, day), late_days)
            elsewhen = [(other, f"not within day {day}")]
        for broken, rule in itertools.chain(faults(typed, column), elsewhen):
            if broken.any():
                first[broken & (first < 0)] = len(reasons)
                reasons.append(f"{column.name}: {rule}")
    good = pa.RecordBatch.from_arrays(columns, [c.name for c in declaration.columns])
    failed = first >= 0
    late &= ~failed
    if not failed.any() and not late.any():
        return Checked(good, pa.RecordBatch.from_pylist([], schema=quarantine_schema(declaration)), good[:0])
    why = pa.array(reasons, pa.string()).take(pa.array(first[failed]))
    bad = _quarantine(raw.filter(pa.array(failed)), declaration, file, rows[failed], why)
    return Checked(good.filter(pa.array(~failed & ~late)), bad, good.filter(pa.array(late)))


def faults(typed: Cast, column: Column) -> Iterator[tuple[np.ndarray, str]]:
    """What may be wrong with a column's values alone: (bool `[N]`, rule), the gravest first."""
    yield typed.failed, typed.rule
    yield typed.undecodable, "invalid UTF-8"
    null = is_null(typed.values)
    if column.required or _stands_for_all(column):
        yield null, "missing"
    if column.type == "string":
        yield from _text_faults(typed.values, column)
        return
    values = numpy_of(typed.values)
    if column.type == "float32":
        yield ~np.isfinite(values) & ~null, "not a finite number"
    if column.min is not None:
        yield (values < column.min) & ~null, f"below {column.min:g}"
    if column.max is not None:
        yield (values > column.max) & ~null, f"above {column.max:g}"
    if column.values is not None:
        allowed = np.array(column.values, values.dtype)
        yield ~np.isin(values, allowed) & ~null, f"not one of {', '.join(map(str, column.values))}"


def _stands_for_all(column: Column) -> bool:
    """Whether a null would become the empty text that means all scenarios, in metrics."""
    return column.key and column.group == "scenario" and not str(column.fill).strip()


def _elsewhen(times: pa.Array, start: int, late_days: int) -> tuple[np.ndarray, np.ndarray]:
    """bool `[N]`, times in the days just before the day, and times in any other but it."""
    values = numpy_of(times)
    outside = ((values < start) | (values >= start + DAY_MS)) & ~is_null(times)
    late = outside & (values >= start - late_days * DAY_MS) & (values < start)
    return late, outside & ~late


def _text_faults(values: pa.DictionaryArray, column: Column) -> Iterator[tuple[np.ndarray, str]]:
    distinct = values.dictionary
    if not len(distinct):
        return
    places, null = numpy_of(values.indices), is_null(values.indices)

    def rows(found: pa.BooleanArray) -> np.ndarray:
        return found.to_numpy(zero_copy_only=False)[places] & ~null

    if column.key:
        yield rows(pc.equal(pc.utf8_trim_whitespace(distinct), "")), "missing"
    if column.key or (column.encoding is not None and column.encoding.kind == "vocabulary"):
        yield rows(pc.match_substring_regex(distinct, CONTROL)), "has a control character"
    too_long = pc.greater(pc.utf8_length(distinct), column.max_length)
    yield rows(too_long), f"longer than {column.max_length} characters"
    if column.values is not None:
        known = pc.is_in(distinct, value_set=pa.array([str(v) for v in column.values]))
        yield rows(pc.invert(known)), f"not one of {', '.join(map(str, column.values))}"


def _quarantine(
    raw: pa.RecordBatch, declaration: Declaration, file: str, rows: np.ndarray, reasons: pa.Array
) -> pa.RecordBatch:
    out = [pa.array([file]).take(pa.array(np.zeros(raw.num_rows, np.int32))), pa.array(rows, pa.int64()), reasons]
    for column in declaration.columns:
        index = raw.schema.get_field_index(column.name)
        out.append(as_text(raw.column(index)) if index >= 0 else pa.nulls(raw.num_rows, pa.string()))
    return pa.RecordBatch.from_arrays(out, schema=quarantine_schema(declaration))


def as_text(values: pa.Array) -> pa.Array:
    """Any column as text, for people; bytes that are not UTF-8 as U+FFFD."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if (parts := parted(values)) is not None:
        return pc.coalesce(parts[1], as_text(parts[0]))
    if is_text(values.type):
        values = as_binary(values)
    try:
        return values.cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        # Only refused rows come here, and of those only columns that Arrow cannot write as text.
        return pa.array([_text(value) for value in values.to_pylist()], pa.string())


def _text(value: object) -> str | None:
    if value is None:
        return None
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
