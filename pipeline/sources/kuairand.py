"""KuaiRand: impressions of a short-video app, as its publisher's CSV files (https://kuairand.com)."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv

from scenerank.components.workspace import Workspace
from scenerank.errors import DataError
from scenerank.pipeline.sources.log_writer import LogWriter, Progress
from scenerank.schemas import Declaration, load_declaration

UNKNOWN = ("", "-124", "-124.0", "NaN", "nan", "NULL", "UNKNOWN")
"""What the publisher writes where a value is not known."""
BLOCK = 16 << 20
"""Bytes of a log read at a time."""
TEXT = frozenset({"user_active_degree", "video_type", "upload_type", "tag"})
COMPUTED = frozenset({"hour", "video_age_days", "is_skip"})
HOUR_MS = 3_600_000


def import_kuairand(source: str, workspace: str, progress: Progress | None = None) -> dict[str, int]:
    """Writes every `log_*.csv` of a download as native logs.

    A row's day is the publisher's `date`: the China-time hour in which it was recorded, up to a few hours after
    `time_ms`. So rows just before midnight lie in the next day, as in the publisher's own split. Exact
    duplicates stay: ingestion drops and counts them. Logs are streamed; the users' and videos' features are
    held in memory, about 100 bytes each.

    Args:
      source: folder with `log_*.csv`, `user_features_*.csv` and `video_features_basic_*.csv`, or one with
        such a folder named `data`.
      progress: called with bytes read and bytes to read.

    Returns:
      `rows`, `days`, `recorded_next_day` (`date` is not the day of `time_ms`), `unknown_users` and
      `unknown_videos` (rows without features).

    Raises:
      DataError: a file or a column is missing, or a file is not what its header says.
    """
    declaration = load_declaration("kuairand")
    folder = _folder(pathlib.Path(source).expanduser())
    logs = _files(folder, "log_*.csv")
    users = _Features(_files(folder, "user_features_*.csv"), "user_id", declaration)
    videos = _Features(_files(folder, "video_features_basic_*.csv"), "video_id", declaration)
    in_log = [c.name for c in declaration.columns if c.name not in users.names | videos.names | COMPUTED]
    counts = dict.fromkeys(("rows", "days", "recorded_next_day", "unknown_users", "unknown_videos"), 0)
    total, done = sum(path.stat().st_size for path in logs), 0
    with LogWriter(Workspace(workspace), declaration.log_schema) as writer:
        for path in logs:
            for batch, fraction in _batches(path, [*in_log, "date"], declaration):
                table, found = _join(batch, _days(batch, path), users, videos)
                for day in np.unique(table["date"].to_numpy()):
                    writer.write(str(np.datetime64(int(day), "D")), table.filter(pc.equal(table["date"], int(day))))
                for name, count in found.items():
                    counts[name] += count
                counts["rows"] += len(table)
                if progress:
                    progress(done + int(fraction * path.stat().st_size), total)
            done += path.stat().st_size
    if not counts["rows"]:
        raise DataError(f"{folder}: the files log_*.csv have no rows: download the data set again")
    return counts | {"days": len(writer.rows)}


def _folder(source: pathlib.Path) -> pathlib.Path:
    return source / "data" if not any(source.glob("log_*.csv")) and (source / "data").is_dir() else source


def _files(folder: pathlib.Path, pattern: str) -> list[pathlib.Path]:
    found = sorted(folder.glob(pattern))
    if not found:
        raise DataError(f"{folder} has no file {pattern}: give the folder of an unpacked KuaiRand download")
    return found


def _type(name: str, declaration: Declaration) -> pa.DataType:
    if name == "upload_dt":
        return pa.date32()
    if name == "date" or declaration[name].group in ("label", "time", "outcome") or declaration[name].key:
        return pa.int64()
    return pa.string() if name in TEXT else pa.float64()  # whole numbers are written as 9.0 where some are unknown


def _batches(
    path: pathlib.Path, names: Sequence[str], declaration: Declaration
) -> Iterator[tuple[pa.RecordBatch, float]]:
    """Columns of a file a block at a time, each with the fraction of the file read by then."""
    with path.open(encoding="utf-8", errors="replace") as file:
        header = file.readline().strip().split(",")
    for name in names:
        if name not in header:
            raise DataError(f"{path} has no column {name!r}: the publisher's header is expected in its first line")
    options = csv.ConvertOptions(
        include_columns=list(names),
        column_types={name: _type(name, declaration) for name in names},
        null_values=list(UNKNOWN),
        strings_can_be_null=True,
    )
    size = path.stat().st_size
    try:
        with pa.OSFile(str(path)) as stream:
            reader = csv.open_csv(stream, csv.ReadOptions(block_size=BLOCK), convert_options=options)
            for batch in reader:
                yield batch, stream.tell() / size
    except pa.ArrowInvalid as error:
        raise DataError(f"{path}: {' '.join(str(error).split())}: download the file again") from None


class _Features:
    """What is known of users or of videos, looked up by id.

    Args:
      key: the files' id column; every other column of the declaration that stands in the files is kept.
    """

    def __init__(self, paths: Sequence[pathlib.Path], key: str, declaration: Declaration):
        group = declaration[key].group
        names = [c.name for c in declaration.group(group) if c.name not in ("duration_ms",)]
        self.extra = ["upload_dt"] if group == "item" else []
        batches = [batch for path in paths for batch, _ in _batches(path, [*names, *self.extra], declaration)]
        table = pa.Table.from_batches(batches) if batches else None
        if table is None:
            raise DataError(f"{paths[0]} has no rows: download the file again")
        ids = table[key].to_numpy()
        order = np.argsort(ids, kind="stable")
        self.ids = ids[order]
        repeated = self.ids[1:][self.ids[1:] == self.ids[:-1]]
        if len(repeated):
            raise DataError(f"{paths[0]}: {key} {repeated[0]} stands in more than one row: keep one of them")
        self.names = set(names) - {key}
        self.table = table.drop([key]).take(pa.array(order)).combine_chunks()

    def of(self, ids: np.ndarray) -> tuple[pa.Table, int]:
        """Rows for `ids`, null where there are none, and the number of those."""
        place = np.minimum(np.searchsorted(self.ids, ids), len(self.ids) - 1)
        absent = self.ids[place] != ids
        return self.table.take(pa.array(place, mask=absent)), int(absent.sum())


def _days(batch: pa.RecordBatch, path: pathlib.Path) -> np.ndarray:
    """Days since 1970-01-01 from dates such as 20220425, int64 [rows]."""
    dates = pc.strptime(pc.cast(batch["date"], pa.string()), format="%Y%m%d", unit="s", error_is_null=True)
    if dates.null_count:
        wrong = batch["date"].filter(pc.is_null(dates))[0]
        raise DataError(f"{path}: date {wrong.as_py()} is no day written as 20220425: download the file again")
    return pc.cast(dates, pa.int64()).to_numpy() // 86_400


def _join(
    batch: pa.RecordBatch, days: np.ndarray, users: _Features, videos: _Features
) -> tuple[pa.Table, dict[str, int]]:
    """Adds the features of users and videos and the computed columns; `date` becomes `days`."""
    table = pa.Table.from_batches([batch])
    found: dict[str, int] = {}
    for features, key, count in ((users, "user_id", "unknown_users"), (videos, "video_id", "unknown_videos")):
        joined, found[count] = features.of(table[key].to_numpy())
        for name in joined.column_names:
            table = table.append_column(name, joined[name])
    hours = pc.add(pc.divide(table["time_ms"], HOUR_MS), 8)
    recorded = pa.array(days)
    uploaded = pc.cast(pc.cast(table["upload_dt"], pa.int32()), pa.int64())
    found["recorded_next_day"] = pc.sum(pc.not_equal(pc.divide(hours, 24), recorded)).as_py() or 0
    table = table.append_column("is_skip", pc.subtract(1, table["is_click"]))
    table = table.append_column("hour", pc.subtract(hours, pc.multiply(pc.divide(hours, 24), 24)))
    table = table.append_column("video_age_days", pc.subtract(recorded, uploaded))
    table = table.set_column(table.schema.get_field_index("tag"), "tag", _first_tag(table["tag"]))
    return table.set_column(table.schema.get_field_index("date"), "date", recorded), found


def _first_tag(tags: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.cast(pc.struct_field(pc.extract_regex(tags, r"^(?P<first>\d+)"), [0]), pa.int64())
