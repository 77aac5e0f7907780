"""Published days computed once more, from raw logs alone, a row at a time: histories, rates and labels."""

from __future__ import annotations

import collections
import glob
import math
from collections.abc import Iterator
from typing import Any

import pandas as pd
import tensorflow as tf

from scenerank.components.workspace import Workspace, shift
from scenerank.pipeline.config import Config

_AGE_MS = 32
"""How exact the age of a behavior of last week is, a float32 of seconds."""


def logs(workspace: Workspace, day: str) -> pd.DataFrame:
    """A day's rows; none where it has no logs."""
    parts = [pd.read_parquet(path) for path in sorted(glob.glob(f"{workspace.root}/logs/day={day}/*.parquet"))]
    return pd.concat(parts, ignore_index=True).drop_duplicates() if parts else pd.DataFrame()


def expected(workspace: Workspace, config: Config, day: str) -> dict[tuple[str, str], dict[str, Any]]:
    """Of each impression, by request and item: label, moment of the request, behaviors before it, counts and rates."""
    declared = config.declared
    history, rates = declared.history, declared.rates
    assert history is not None and rates is not None
    today = logs(workspace, day)
    days = {back: logs(workspace, shift(day, -back)) for back in range(1, max(history.days, rates.days) + 1)}
    remembered = [frame for back, frame in days.items() if back <= history.days and len(frame)]
    behaviors = pd.concat([*remembered, today], ignore_index=True).query("is_click == 1").sort_values("time_ms")
    counted = pd.concat([frame for back, frame in days.items() if back <= rates.days] or [pd.DataFrame()])
    asked = today.groupby(["user_id", "request_id"]).time_ms.min()
    found = {}
    for row in today.itertuples():
        moment = asked[row.user_id, row.request_id]
        mine = behaviors[(behaviors.user_id == row.user_id) & (behaviors.time_ms < moment)]
        told = {"is_click": row.is_click, "past": list(zip(mine.time_ms, mine.item_id))}
        for keys in rates.keys:
            told |= _rates(row, counted, list(keys), rates.prior)
        found[row.request_id, row.item_id] = {**told, "moment": moment, "length": history.length}
    return found


def _rates(row: Any, counted: pd.DataFrame, keys: list[str], prior: float) -> dict[str, float]:
    name = "_".join(keys)
    if not len(counted):
        return {f"count_{name}": 0.0, f"rate_is_click_{name}": 0.0}
    same = counted
    for key in keys:
        same = same[same[key] == getattr(row, key)]
    rate = counted.is_click.mean()
    ratio = (same.is_click.sum() + prior * rate) / (len(same) + prior) / rate if rate else 1.0
    return {f"count_{name}": math.log1p(len(same)), f"rate_is_click_{name}": math.log(ratio)}


def published(workspace: Workspace, day: str) -> Iterator[dict[str, list[Any]]]:
    """The published examples of a day."""
    for path in sorted(glob.glob(f"{workspace.day('examples', day)}/examples/*.gz")):
        for record in tf.data.TFRecordDataset(path, "GZIP").as_numpy_iterator():
            features = tf.train.Example.FromString(record).features.feature
            yield {name: list(getattr(f, f.WhichOneof("kind")).value) if f.WhichOneof("kind") else []
                   for name, f in features.items()}  # fmt: skip


def _is_history(times: list[int], items: list[str], row: dict[str, Any]) -> bool:
    """Whether these are the last behaviors; of those of the oldest moment, as many as there is room for."""
    last = row["past"][-row["length"] :]
    if len(last) != len(times) or not all(
        math.isclose(mine, theirs, abs_tol=_AGE_MS) for mine, (theirs, _) in zip(times, last)
    ):
        return False
    oldest = last[0][0] if last else 0
    sure = collections.Counter(item for time, item in last if time > oldest)
    tied = collections.Counter(item for time, item in row["past"] if time == oldest)
    return not (sure - collections.Counter(items)) and not (collections.Counter(items) - sure - tied)


def differing(workspace: Workspace, config: Config, day: str) -> tuple[int, int]:
    """How many values of a published day are not what they should be, of how many."""
    wanted, wrong, values = expected(workspace, config, day), 0, 0
    for example in published(workspace, day):
        row = wanted.pop((example["request_id"][0].decode(), example["item_id"][0].decode()))
        times = [row["moment"] - round(age * 1000) for age in example["history_age_s"]]
        items = [item.decode() for item in example["history_item_id"]]
        pairs = [(example["is_click"], [row["is_click"]]), (_is_history(times, items, row), True)]
        for name, value in row.items():
            if name.startswith(("count_", "rate_")):
                pairs.append(([math.isclose(example[name][0], value, rel_tol=1e-5, abs_tol=1e-6)], [True]))
        values += len(pairs)
        wrong += sum(mine != theirs for mine, theirs in pairs)
    return wrong + len(wanted), values + len(wanted)
