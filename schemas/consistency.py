"""What a declaration may not say of its columns together."""

from __future__ import annotations

from collections.abc import Sequence

from scenerank.schemas.bias import BIAS_GROUPS, bias_feature
from scenerank.schemas.columns import FAIRNESS, FEATURE_GROUPS, Column, History, Rates

_ONE_KEY = ("user", "item", "scenario")
_ONE = ("label", "time")
_ONE_AT_MOST = ("intervention", "request_id", "event_id")


def refuse_contradictions(columns: Sequence[Column], history: History | None, rates: Rates | None) -> None:
    """Raises:
    ValueError: names the first contradiction, and what is allowed.
    """
    names = [c.name for c in columns]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"column {name!r} is declared {names.count(name)} times")
        if name == FAIRNESS or name.startswith(("history_", "rate_", "count_")):
            raise ValueError(f"column {name!r}: that name is kept for what the pipeline derives")
    for group in (*_ONE_KEY, *_ONE):
        keyed = group in _ONE_KEY
        found = [c for c in columns if c.group == group and (c.key or not keyed)]
        if len(found) != 1:
            raise ValueError(f"group {group!r} needs exactly one {'key ' if keyed else ''}column, has {len(found)}")
    for group in _ONE_AT_MOST:
        found = [c for c in columns if c.group == group]
        if len(found) > 1:
            raise ValueError(f"group {group!r} has {len(found)} columns: one at most")
    for column in columns:
        _refuse_column(column)
        if column.time is not None:
            _refuse_time(column, columns)
    _refuse_references(columns, history, rates)


def _refuse_column(column: Column) -> None:
    if column.encoding is not None and column.encoding.kind == "identity" and column.type != "int64":
        raise ValueError(f"column {column.name!r}: encoding 'identity' needs type int64, not {column.type}")
    if column.group == "intervention" and (column.type, column.values) != ("int64", (0, 1)):
        raise ValueError(f"column {column.name!r}: an intervention is of type int64 with values [0, 1]")
    if column.group == "bias" or (column.group == "intervention" and column.encoding is not None):
        bias_feature(column)
    elif column.reference is not None:
        raise ValueError(f"column {column.name!r}: only a column of group 'bias' has a reference")
    elif column.encoding is not None and column.group not in FEATURE_GROUPS:
        raise ValueError(f"column {column.name!r} of group {column.group!r} may not be a feature")


def _refuse_time(column: Column, columns: Sequence[Column]) -> None:
    if column.group not in ("label", "outcome") or column.values != (0, 1):
        raise ValueError(f"column {column.name!r}: only a label or an outcome with values [0, 1] has a time")
    times = [c.name for c in columns if (c.group, c.type) == ("outcome", "int64") and not c.values]
    if column.time not in times:
        raise ValueError(f"column {column.name!r}: its time {column.time!r} is no outcome of type int64")


def _refuse_references(columns: Sequence[Column], history: History | None, rates: Rates | None) -> None:
    group = {c.name: c.group for c in columns}
    keys = [name for key_set in rates.keys for name in key_set] if rates else []
    for name in [*(history.types.values() if history else ()), *(rates.events if rates else ()), *keys]:
        if name not in group:
            raise ValueError(f"history and rates speak of {name!r}, which is not a column")
    for name in keys:
        if group[name] in BIAS_GROUPS:
            raise ValueError(f"rates.keys has {name!r}, which is not known when ranking: its group is a bias")
    items = [c.name for c in columns if c.group == "item" and c.encoding is not None]
    for name in history.matches if history else ():
        if name not in items:
            raise ValueError(f"history.matches has {name!r}, which is no feature of the item: choose of {items}")
