"""Ali-CCP: impressions, clicks and purchases in an app's recommendations, as published or as benchmarks' flat tables.

X. Ma et al., "Entire Space Multi-Task Model: An Effective Approach for Estimating Post-Click Conversion Rate", SIGIR
2018; https://tianchi.aliyun.com/dataset/408.
"""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from scenerank.components.workspace import Workspace
from scenerank.errors import DataError
from scenerank.pipeline.sources.ali_ccp_files import Piece, read_flat, read_skeleton
from scenerank.pipeline.sources.log_writer import LogWriter, Progress
from scenerank.pipeline.sources.movielens import PARTS
from scenerank.schemas import load_declaration

VALIDATION_SHARE = 10
"""One group of common features in so many, by hash, is validation."""
FLAT = {"train": "train", "validation": "val", "test": "test"}


def import_ali_ccp(source: str, workspace: str, progress: Progress | None = None) -> dict[str, int]:
    """Writes the impressions as native logs of three days, one for each part.

    Published files: the test files are the test part. Of the training files those rows are the validation part whose
    `common_feature_index` hashes to one tenth: no seed, no dependence on the order of the file, and never rows of one
    user's one moment on both sides. Flat tables are parts already. There are no time stamps: `time_ms` is the day's
    midnight plus the row's number within the part. Files are streamed; for what is held see `read_skeleton`.

    Args:
      source: folder with `sample_skeleton_{train,test}.csv` and `common_features_{train,test}.csv`, or else with
        `ali_ccp_{train,val,test}.csv` (or `..._sample.csv`); each there or one folder below.
      progress: called with bytes read and bytes to read.

    Returns:
      `rows`, `train`, `validation`, `test`, `unknown_users` (rows without a user's id).

    Raises:
      DataError: a file or a column is missing, a file has no rows, or a line is not of the format.
    """
    declaration = load_declaration("ali_ccp")
    counts = dict.fromkeys(("rows", *PARTS, "unknown_users"), 0)
    with LogWriter(Workspace(workspace), declaration.log_schema) as writer:
        for part, rows, done, total in _read(pathlib.Path(source).expanduser()):
            midnight = np.datetime64(PARTS[part], "ms").astype(np.int64)
            numbers = np.arange(counts[part], counts[part] + len(rows))
            writer.write(PARTS[part], rows.append_column("time_ms", pa.array(midnight + numbers)))
            counts[part] += len(rows)
            counts["rows"] += len(rows)
            counts["unknown_users"] += rows["user_id"].null_count
            if progress:
                progress(done, total)
    return counts


def _read(folder: pathlib.Path) -> Iterator[tuple[str, pa.Table, int, int]]:
    """(part, rows, bytes read, bytes to read)."""
    if _found(folder, "sample_skeleton_train.csv"):
        paths = {
            part: [_the(folder, f"{kind}_{part}.csv") for kind in ("sample_skeleton", "common_features")]
            for part in ("train", "test")
        }
    elif _found(folder, "ali_ccp_train*.csv"):
        paths = {part: [_the(folder, f"ali_ccp_{name}*.csv")] for part, name in FLAT.items()}
    else:
        raise DataError(
            f"{folder} has neither sample_skeleton_train.csv nor ali_ccp_train.csv: give the folder of Ali-CCP's files"
        )
    total, before = sum(path.stat().st_size for files in paths.values() for path in files), 0
    for part, files in paths.items():
        for piece in read_skeleton(*files) if len(files) == 2 else read_flat(*files):
            for name, rows in _split(part, piece):
                yield name, rows, before + piece.done, total
        before += sum(path.stat().st_size for path in files)


def _split(part: str, piece: Piece) -> Iterator[tuple[str, pa.Table]]:
    if part != "train" or piece.group is None:
        yield part, piece.rows
        return
    held_out = piece.group % np.uint64(VALIDATION_SHARE) == 0
    yield "train", piece.rows.filter(pa.array(~held_out))
    yield "validation", piece.rows.filter(pa.array(held_out))


def _found(folder: pathlib.Path, pattern: str) -> list[pathlib.Path]:
    return sorted([*folder.glob(pattern), *folder.glob(f"*/{pattern}")])


def _the(folder: pathlib.Path, pattern: str) -> pathlib.Path:
    found = _found(folder, pattern)
    if len(found) != 1:
        raise DataError(f"{folder} has {len(found)} files {pattern}, there or one folder below: give one with one")
    return found[0]
