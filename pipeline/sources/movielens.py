"""MovieLens-1M as native logs.

F. M. Harper and J. A. Konstan, "The MovieLens Datasets: History and Context", TiiS 5(4), 2015. Research licence.
"""

from __future__ import annotations

import pathlib

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scenerank.components.workspace import Workspace
from scenerank.errors import DataError
from scenerank.pipeline.sources.log_writer import LogWriter, Progress
from scenerank.pipeline.sources.movielens_files import fetch_movielens, read_movielens
from scenerank.schemas import load_declaration

__all__ = ["GENRES", "PARTS", "fetch_movielens", "import_movielens", "split_rows"]

PARTS = {"train": "2000-01-01", "validation": "2000-01-02", "test": "2000-01-03"}
"""Each part of a split is a day, so that a run for the last one trains on the first."""
GENRES = (
    *("Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama", "Fantasy"),
    *("Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western"),
)
"""Bit i of a movie's `genres` stands for the i-th."""
AGES = {1: 0, 18: 0, 25: 1, 35: 2, 45: 2, 50: 2, 56: 2}
"""Age code (the youngest of its band) to scenario."""
LIKED_ABOVE = 3


def import_movielens(
    source: str, workspace: str, split: str = "random", seed: int = 2022, progress: Progress | None = None
) -> dict[str, int]:
    """Writes the ratings as native logs of three days, one for each part of the split, 8:1:1.

    Label: rating above 3. Scenario: the user's age group. The outcome columns that histories are made of,
    `liked_in_training` and `disliked_in_training`, are 0 in every row outside the training part.

    Args:
      source: folder with `ratings.dat`, `users.dat`, `movies.dat`, or with one `.inter`, `.user` and `.item` file.
      split: `random`, by `seed`, or `time`, by time stamp (rows of one time stamp in the order of the file).
      progress: called with rows written and rows to write.

    Returns:
      `rows`, `train`, `validation`, `test`, `users`, `movies` (rated ones).

    Raises:
      DataError: a file or column is missing, a value cannot be read, or a rating's user or movie is unknown.
      ValueError: no such split.
    """
    if split not in ("random", "time"):
        raise ValueError(f"split {split!r} is unknown: give 'random' or 'time'")
    declaration = load_declaration("movielens")
    rows = _rows(read_movielens(pathlib.Path(source).expanduser()), source)
    counts = {"rows": len(rows), "users": len(pc.unique(rows["user_id"])), "movies": len(pc.unique(rows["movie_id"]))}
    written = 0
    with LogWriter(Workspace(workspace), declaration.log_schema) as writer:
        for part, places in split_rows(rows["time_ms"].to_numpy(), split, seed).items():
            table = rows.take(pa.array(places))
            liked = table["liked"].to_numpy()
            known = int(part == "train")
            table = table.append_column("liked_in_training", pa.array(known * liked))
            table = table.append_column("disliked_in_training", pa.array(known * (1 - liked)))
            writer.write(PARTS[part], table)
            counts[part] = len(table)
            written += len(table)
            if progress:
                progress(written, len(rows))
    return counts


def split_rows(time_ms: np.ndarray, split: str, seed: int) -> dict[str, np.ndarray]:
    """Row numbers (int64) of `train`, `validation` and `test`, 8:1:1, each in the order of `time_ms` [N]."""
    by_time = np.argsort(time_ms, kind="stable")
    rows = len(by_time)
    order = by_time if split == "time" else np.random.default_rng(seed).permutation(rows)
    part = np.empty(rows, np.int8)
    for number, places in enumerate(np.split(order, (rows * 8 // 10, rows * 9 // 10))):
        part[places] = number
    return {name: by_time[part[by_time] == number] for number, name in enumerate(PARTS)}


def _rows(tables: dict[str, pa.Table], source: str) -> pa.Table:
    """One row a rating, with all that is known of its user and movie."""
    ratings, users, movies = tables["ratings"], tables["users"], tables["movies"]
    user = users.take(_places(ratings["user_id"], users["user_id"], f"{source}: user"))
    movie = _places(ratings["item_id"], movies["item_id"], f"{source}: movie")
    rating = _numbers(ratings["rating"], f"{source}: rating")
    age = _numbers(user["age"], f"{source}: age")
    if not np.isin(age, list(AGES)).all():
        raise DataError(f"{source}: age {age[~np.isin(age, list(AGES))][0]} is none of {', '.join(map(str, AGES))}")
    scenario = np.zeros(max(AGES) + 1, np.int64)
    scenario[list(AGES)] = list(AGES.values())
    zip_area = pc.struct_field(pc.extract_regex(user["zip_code"], "^(?P<area>[0-9]{3})"), [0])
    return pa.table(
        {
            "time_ms": 1000 * _numbers(ratings["timestamp"], f"{source}: timestamp"),
            "age_group": scenario[age],
            "user_id": _ids(user["user_id"], f"{source}: user"),
            "gender": user["gender"],
            "age": age,
            "occupation": _numbers(user["occupation"], f"{source}: occupation"),
            "zip_area": pc.cast(zip_area, pa.int64()),
            "movie_id": _movie_ids(movies["item_id"], source)[movie],
            "genres": _genre_bits(movies["genre"])[movie],
            "year": pc.take(_years(movies), pa.array(movie)),
            "liked": (rating > LIKED_ABOVE).astype(np.int64),
        }
    )


def _places(ids: pa.ChunkedArray, among: pa.ChunkedArray, what: str) -> np.ndarray:
    """Where each id stands in `among`."""
    if len(pc.unique(among)) < len(among):
        raise DataError(f"{what}s: an id stands in more than one row: download the data set again")
    found = pc.index_in(ids, value_set=among.combine_chunks())
    if found.null_count:
        first = ids.filter(pc.is_null(found))[0]
        raise DataError(f"{what} {str(first)!r} has ratings but no row of its own: download the data set again")
    return found.to_numpy()


def _numbers(text: pa.ChunkedArray, what: str) -> np.ndarray:
    """Whole numbers, int64; also from `5.0`."""
    try:
        return pc.cast(pc.cast(text, pa.float64()), pa.int64()).to_numpy()
    except pa.ArrowInvalid as error:
        raise DataError(f"{what}: {error}: download the data set again") from None


def _ids(text: pa.ChunkedArray, what: str) -> np.ndarray:
    """The number at the end of an id: RecBole's cross-domain copy writes user 7 as `1m_7`."""
    return _numbers(pc.struct_field(pc.extract_regex(text, r"(?P<number>\d+)$"), [0]), what)


def _movie_ids(text: pa.ChunkedArray, source: str) -> np.ndarray:
    """Numbers where the ids are numbers, else (that copy has titles for ids) the row in the file, from 1."""
    if pc.all(pc.match_substring_regex(text, r"^\d+$")).as_py():
        return _numbers(text, f"{source}: movie")
    return np.arange(1, len(text) + 1)


def _genre_bits(genres: pa.ChunkedArray) -> np.ndarray:
    """One bit for each of GENRES, from `Action|Sci-Fi` or `Action Sci-Fi`."""
    bits = np.zeros(len(genres), np.int64)
    for bit, genre in enumerate(GENRES):
        has = pc.match_substring_regex(genres, rf"(^|[| ]){genre}($|[| ])")
        bits |= has.to_numpy().astype(np.int64) << bit
    return bits


def _years(movies: pa.Table) -> pa.Array:
    """Year of release, int64, null where neither a column nor the title's end tells."""
    text = movies["release_year"] if "release_year" in movies.column_names else movies["movie_title"]
    year = pc.struct_field(pc.extract_regex(text, r"(?P<year>[0-9]{4})(?:\.0)?\)?\s*$"), [0])
    return pc.cast(year, pa.int64()).combine_chunks()
