"""Mean raw features of the scenarios that MuseNet learned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import tensorflow as tf

from scenerank.models.musenet import Assignments
from scenerank.pipeline.drawing.page import Missing
from scenerank.pipeline.explain.subject import Subject
from scenerank.schemas import Declaration


class Averages(NamedTuple):
    """Means by learned scenario.

    Attributes:
      means: a row for each scenario and one `all`; columns `rows`, `mean share`, `clicked`, with repeat modules
        `repeat probability`, then features.
      difference: of each feature, deviation of the scenarios' means in standard deviations of the rows, the largest
        first.
    """

    means: pd.DataFrame
    difference: pd.Series


def averages(subject: Subject, found: Assignments, names: Sequence[str]) -> Averages:
    """Means over the test rows.

    Args:
      found: of all test rows, arrays.
      names: of the learned scenarios.
    """
    test, learned = subject.prepared.test, found.shares.argmax(1)
    first = {"clicked": test.labels.astype(np.float64)}
    if subject.model.item_history is not None:
        first["repeat probability"] = subject.compute(lambda features: _repeat(subject, features)).astype(np.float64)
    features = pd.DataFrame(raw_numbers(subject), index=range(test.rows))
    if subject.prepared.features.history_length:
        features.insert(0, "behaviors in history", np.diff(test.splits.numpy()).astype(np.float64))
    means = by_scenario(pd.concat([pd.DataFrame(first), features], axis=1), learned, names)
    sizes = np.bincount(learned, minlength=len(names))
    means.insert(0, "rows", [*sizes, len(learned)])
    means.insert(1, "mean share", [*found.shares.mean(0), 1.0])
    return Averages(means, difference(means.loc[list(names), features.columns], sizes, features.std()))


def by_scenario(table: pd.DataFrame, learned: np.ndarray, names: Sequence[str]) -> pd.DataFrame:
    """Means of columns, a row for each scenario (NaN without rows) and one `all`; NaN entries are left out.

    Args:
      learned: place in `names` of each row's scenario, int `[N]`.
    """
    means = table.groupby(learned).mean().reindex(range(len(names)))
    means.index = list(names)
    means.loc["all"] = table.mean()
    return means


def difference(means: pd.DataFrame, sizes: np.ndarray, deviation: pd.Series) -> pd.Series:
    """See `Averages`.

    Args:
      means: a row for each scenario; sizes: their rows `[K]`; deviation: of the rows, by column.
    """
    weight = pd.DataFrame(np.where(means.notna(), sizes[:, None], 0), means.index, means.columns)
    centre = (means * weight).sum() / weight.sum()
    squares = ((means - centre) ** 2 * weight).sum() / weight.sum()
    found = np.sqrt(squares) / deviation.where(deviation > 0)
    return found.fillna(0.0).sort_values(ascending=False, kind="stable")


def raw_numbers(subject: Subject) -> dict[str, np.ndarray]:
    """Columns `[N]` of which a mean says something, as logged; NaN where there was nothing. Empty without examples."""
    try:
        raw = subject.raw(number_columns(subject.declaration))
    except Missing:
        return {}
    fill = {c.name: c.fill for c in subject.declaration.columns if not c.required}
    return {
        name: np.where(values == fill[name], np.nan, values) if name in fill else values.astype(np.float64)
        for name, values in raw.items()
    }


def number_columns(declaration: Declaration) -> list[str]:
    """Quantities: columns encoded as numbers or quantiles, whole numbers of the context (hours), counts and rates."""
    quantities = [
        column.name
        for column in declaration.features
        if column.type != "string"
        and column.encoding is not None
        and (not column.encoding.names_values or (column.group == "context" and column.encoding.kind == "identity"))
    ]
    return [*quantities, *(column.name for column in declaration.rate_columns)]


def _repeat(subject: Subject, features: dict[str, tf.Tensor]) -> tf.Tensor:
    """Expected probability of repeating, float32 `[B]`: the modules' by share."""
    intentions = subject.model.intentions(features)
    return tf.reduce_sum(intentions.shares * intentions.again, 1)
