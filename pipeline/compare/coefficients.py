"""Fairness Coefficients of rows in memory, and the sub-sampling that SAR-Net's Table 5 compares them with."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from scenerank.components.fairness_coefficient import aggregation, earlier, exposure, normalisation, shares
from scenerank.components.fairness_coefficient.lookup import FairnessLookup
from scenerank.components.fairness_coefficient.ordinary import ordinary
from scenerank.components.fairness_coefficient.settings import FairnessSettings
from scenerank.components.trainer.input.in_memory import InMemorySplit

Score = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Trains on some rows and gives the scores of others: (rows to learn from, rows to score), int64 each."""


def by_score(
    days: np.ndarray, scenarios: np.ndarray, items: np.ndarray, score: np.ndarray, settings: FairnessSettings
) -> np.ndarray:
    """Eq. 1 to the letter, day by day: float32 `[N]`.

    Args:
      days: any values that say which rows are of one day `[N]`.
      scenarios, items: keys `[N]`, int64 or text.
      score: probability `[N]`, of models that did not learn from the rows that they score, see `by_folds`.
    """
    return _by_shares(days, scenarios, items, score.astype(np.float64), None, shares.SCORE, settings)


def by_flag(
    days: np.ndarray, scenarios: np.ndarray, items: np.ndarray, intervened: np.ndarray, settings: FairnessSettings
) -> np.ndarray:
    """Coefficients of a log that flags interventions, day by day: float32 `[N]`.

    Args:
      days, scenarios, items: as in `by_score`.
      intervened: int64 `[N]`, 1 where somebody intervened.
    """
    return _by_shares(days, scenarios, items, None, intervened, shares.FLAG, settings)


def _by_shares(
    days: np.ndarray,
    scenarios: np.ndarray,
    items: np.ndarray,
    score: np.ndarray | None,
    intervened: np.ndarray | None,
    numerator: str,
    settings: FairnessSettings,
) -> np.ndarray:
    found = np.ones(len(days), np.float32)
    for day in np.unique(days):
        rows = np.flatnonzero(days == day)
        scenario, item = (pa.array(column[rows]) for column in (scenarios, items))
        known = (None if column is None else pa.array(column[rows]) for column in (score, intervened))
        sums = aggregation.merge([aggregation.partial_sums(scenario, item, *known)])
        raw = shares.raw_coefficients(sums, aggregation.totals(sums), numerator)
        found[rows] = _of_rows(sums, raw, settings.prior or 0.0, settings, scenario, item)
    return found


def by_folds(days: np.ndarray, score: Score) -> np.ndarray:
    """Scores `[N]` of models that never saw a row of the day that they score: every other day makes a fold.

    Args:
      days: as in `by_score`, at least two.
    """
    found = np.zeros(len(days), np.float64)
    fold = np.searchsorted(np.unique(days), days) % 2
    for held in (0, 1):
        rows = np.flatnonzero(fold == held)
        found[rows] = score(np.flatnonzero(fold != held), rows)
    return found


def by_exposure(days: np.ndarray, scenarios: np.ndarray, items: np.ndarray, settings: FairnessSettings) -> np.ndarray:
    """Coefficients by exposure, each day's by the days before it: float32 `[N]`.

    Args:
      days: ordered as time is `[N]`; scenarios, items: as in `by_score`.
    """
    found = np.ones(len(days), np.float32)
    sums: list[pa.Table] = []
    for day in np.unique(days):
        rows = np.flatnonzero(days == day)
        scenario, item = (pa.array(column[rows]) for column in (scenarios, items))
        today = aggregation.merge([aggregation.partial_sums(scenario, item)])
        sums = [*sums[-settings.days :], today]
        totals = [aggregation.as_batch(aggregation.totals(one)) for one in sums]
        _, known = earlier.lay_out(totals[-1], [(str(i).zfill(4), one) for i, one in enumerate(totals[:-1])])
        space, places = exposure.exposure(sums, known)
        told = exposure.priors(space.moments(), settings.prior)
        raw = space.expected(told)[places[-1]] / today["impressions"].to_numpy()
        found[rows] = _of_rows(today, raw, told.day, settings, scenario, item)
    return found


def _of_rows(
    sums: pa.Table, raw: np.ndarray, prior: float, settings: FairnessSettings, scenario: pa.Array, item: pa.Array
) -> np.ndarray:
    drawn = normalisation.drawn(sums, raw, prior)
    table = normalisation.fairness_table(drawn, normalisation.weights(drawn), "", settings)
    return FairnessLookup(table)(scenario, item)


def subsampled(store: InMemorySplit, share: float, seed: int) -> InMemorySplit:
    """The rows without 1 - `share`, drawn by chance, of those that somebody intervened in."""
    chance = np.random.default_rng([seed, 1]).random(store.rows)
    return store.take(np.flatnonzero(ordinary(store.coefficients) | (chance < share)))
