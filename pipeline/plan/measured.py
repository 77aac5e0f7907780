"""What one day that was run tells of the cost of a row."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from scenerank.components.records.ingestion import IngestionSummary
from scenerank.components.records.run import run_record
from scenerank.components.records.window import TRAIN
from scenerank.components.workspace import Workspace, shift
from scenerank.errors import DataError, WorkspaceError
from scenerank.schemas.columns import HISTORY_TYPE
from scenerank.schemas.declaration import Declaration

COMPONENTS = ("LogExampleGen", "StatisticsGen", "FairnessCoefficient", "Transform", "Evaluator")
"""Those that are Beam pipelines."""
SAMPLE = 4096
"""Examples that histories are measured from."""
EARLIER = 0.2
"""What a row of an earlier day, read for histories and rates, costs LogExampleGen of what a row of the day does."""


@dataclasses.dataclass(frozen=True)
class Run:
    """A day's run.

    Attributes:
      seconds: of a core, of each component, all days that the run took in together.
      worked: rows that each component of `COMPONENTS` worked through in them.
      models: that the Evaluator scored with.
    """

    day: str
    rows: int
    models: int
    seconds: dict[str, float]
    worked: dict[str, float]


@dataclasses.dataclass(frozen=True)
class RowBytes:
    """Bytes a row of the log, in the streams of `components.log_example_gen.joining.streams`.

    Attributes:
      impressions, behaviors, rated, wanted: as shuffled, compressed; behaviors a behavior.
      decoded: of an impression in memory; decoded_behavior: of a behavior.
      behaviors_per_row: share of rows that are behaviors.
      shared_keys: sets of keys of rates without the user.
    """

    impressions: float
    behaviors: float
    rated: float
    wanted: float
    decoded: float
    decoded_behavior: float
    behaviors_per_row: float
    shared_keys: int


@dataclasses.dataclass(frozen=True)
class Stored:
    """What the measured day left.

    Attributes:
      log, example: bytes on disk, a row; pair: of the fairness table, a pair.
      history: behaviors in an example's history, on average.
    """

    log: float
    example: float
    pair: float
    history: float


def read_run(workspace: Workspace, declaration: Declaration, day: str | None) -> Run:
    """The record of a day; of the last that was run, if none is named.

    Raises:
      DataError: the day was not run, or not in one process, whose processor time is known.
    """
    record = run_record(workspace, day)
    day = record.day
    if record.core_seconds is None or (record.config or {}).get("beam", {}).get("runner", "direct") != "direct":
        raise DataError(f"the processor time of {day} is not known: run that day again, with beam.runner=direct")
    back = lookback(declaration)
    ingested = {one: rows_read(workspace, one) for one in record.ingested}
    logs = set(workspace.log_days())
    earlier = sum(
        rows_read(workspace, shift(one, -n)) for one in ingested for n in range(1, back + 1) if shift(one, -n) in logs
    )
    train = sum(rows_read(workspace, one) for one in record.window.splits[TRAIN])
    models = len(record.metrics.models)
    taken = float(sum(ingested.values()))
    worked = {
        "LogExampleGen": taken + EARLIER * earlier,
        "StatisticsGen": taken,
        "FairnessCoefficient": taken,
        "Transform": float(train),
        "Evaluator": float(rows_read(workspace, day) * models),
    }
    return Run(day, rows_read(workspace, day), models, record.core_seconds, worked)


def lookback(declaration: Declaration) -> int:
    """How many earlier days of logs an ingestion reads."""
    return max(
        declaration.history.days if declaration.history else 0, declaration.rates.days if declaration.rates else 0
    )


def rows_read(workspace: Workspace, day: str) -> int:
    """Rows of a day's logs; 0 if it was never published."""
    try:
        return IngestionSummary.read(workspace.day("quarantine", day)).rows_read
    except (FileNotFoundError, WorkspaceError):
        return 0


def stored(workspace: Workspace, declaration: Declaration, day: str) -> Stored:
    """Sizes of what lies in the workspace of a day."""
    rows = max(rows_read(workspace, day), 1)
    table = f"{workspace.day('fairness', day)}/fairness.parquet"
    with workspace.fs.open_input_file(workspace.path(table)) as source:
        pairs = pq.ParquetFile(source).metadata.num_rows
    logs = _bytes(workspace, workspace.uri("logs", f"day={day}"))
    examples = _bytes(workspace, f"{workspace.day('examples', day)}/examples")
    pair = _bytes(workspace, table) / max(pairs, 1)
    return Stored(logs / rows, examples / rows, pair, _history(workspace, declaration, day))


def _history(workspace: Workspace, declaration: Declaration, day: str) -> float:
    """Of the first examples of the day's largest file."""
    from tfx_bsl.coders import example_coder

    from scenerank.components.scoring import read_serialized

    if declaration.history is None:
        return 0.0
    folder = f"{workspace.day('examples', day)}/examples"
    largest = max(workspace.list(folder), key=lambda info: info.size or 0)
    records = next(iter(read_serialized(f"{folder}/{largest.base_name}", SAMPLE)), np.zeros(0, object))
    decoded = example_coder.ExamplesToRecordBatchDecoder().DecodeBatch(records.tolist())
    column = decoded.column(decoded.schema.get_field_index(HISTORY_TYPE.name))
    return len(column.flatten()) / max(len(records), 1)


def _bytes(workspace: Workspace, uri: str) -> int:
    if workspace.fs.get_file_info(workspace.path(uri)).type == fs.FileType.File:
        return workspace.fs.get_file_info(workspace.path(uri)).size
    return sum(info.size for info in workspace.list(uri, recursive=True) if info.type == fs.FileType.File)


def row_bytes(workspace: Workspace, declaration: Declaration, day: str, batch_rows: int) -> RowBytes:
    """Checks and divides the first rows of a day's logs as an ingestion does, and weighs what it would send."""
    from scenerank.components.log_example_gen.steps import RecordBatchCoder, check, day_slices, rates, read, streams

    log_slice = day_slices(workspace, declaration, day)[0]
    _, raw = next(iter(read(log_slice, workspace, declaration, batch_rows)))
    rows = streams.Rows(check(raw, declaration, day, log_slice.file, np.arange(raw.num_rows)).good, declaration)
    number = max(rows.batch.num_rows, 1)
    shared = len(declaration.rates.keys) - len(rates.of_user(declaration)) if declaration.rates else 0

    def sent(batch: pa.RecordBatch) -> float:
        return len(RecordBatchCoder().encode(batch)) / max(batch.num_rows, 1) if batch.num_columns else 0.0

    impressions = rows.impressions()
    behaviors = rows.behaviors() if declaration.history else impressions[:0]
    return RowBytes(
        impressions=sent(impressions),
        behaviors=sent(behaviors) if behaviors.num_rows else 0.0,
        rated=sent(rows.rated()) if declaration.rates else 0.0,
        wanted=sent(rows.wanted()) if shared else 0.0,
        decoded=impressions.nbytes / number,
        decoded_behavior=behaviors.nbytes / max(behaviors.num_rows, 1),
        behaviors_per_row=behaviors.num_rows / number,
        shared_keys=shared,
    )
