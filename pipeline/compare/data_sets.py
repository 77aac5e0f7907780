"""The data sets to compare models on."""

from __future__ import annotations

from typing import NamedTuple


class DataSet(NamedTuple):
    """A data set's bundled configuration, and the day that is its test part."""

    config: str
    day: str


DATA_SETS = {
    "kuairand": DataSet("kuairand", "2022-05-05"),
    "movielens": DataSet("movielens", "2000-01-03"),
    "movielens_time": DataSet("movielens", "2000-01-03"),
    "simulator": DataSet("simulator", "2024-03-08"),
    "ali_ccp": DataSet("ali_ccp", "2000-01-03"),
}
"""`movielens` is split at random, `movielens_time` by time."""
