"""The arithmetic of the Fairness Coefficient on Arrow tables; knows neither Beam nor TensorFlow.

SAR-Net, Eq. 1, for item i in scenario s on one day: `(F_is / sum_i F_is) / (PV_is / sum_i PV_is)`, with `PV`
the impressions and `F` the sum of the scores that the model gives them. That is the item's mean score over
the scenario's, so the mean over a scenario weighted by impressions is 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.fairness_coefficient.settings import FairnessSettings
from components.log_example_gen.hashing import combine, hash_column

KEYS = ["scenario", "item"]
TOTALS = ["scenario", "impressions", "score_sum"]


def partial_sums(scenario: pa.Array, item: pa.Array, score: pa.Array) -> pa.Table:
    """Impressions (int64) and score sum (float64) of each (scenario, item) among the rows given.

    Args:
      scenario, item: keys `[n]`, int64 or string.
      score: float64 `[n]`, not negative.
    """
    rows = pa.Table.from_arrays([scenario, item, score], names=[*KEYS, "score"])
    sums = rows.group_by(KEYS).aggregate([("score", "count"), ("score", "sum")])
    return sums.select([*KEYS, "score_count", "score_sum"]).rename_columns([*KEYS, "impressions", "score_sum"])


def merge(parts: Sequence[pa.Table]) -> pa.Table:
    """Adds up partial sums, ordered by key.

    Parts are put in order before they are added, so the result does not depend on how they arrive: the
    same day gives the same bits on one worker and on many.
    """
    table = pa.concat_tables(parts)
    table = table.sort_by([(name, "ascending") for name in (*KEYS, "impressions", "score_sum")])
    sums = table.group_by(KEYS).aggregate([("impressions", "sum"), ("score_sum", "sum")])
    sums = sums.select([*KEYS, "impressions_sum", "score_sum_sum"]).rename_columns(table.column_names)
    return sums.sort_by([(name, "ascending") for name in KEYS])


def totals(sums: pa.Table) -> pa.Table:
    """Sums of each scenario, of parts in the order given: scenario, impressions, score_sum."""
    found = sums.group_by("scenario").aggregate([("impressions", "sum"), ("score_sum", "sum")])
    return found.select(["scenario", "impressions_sum", "score_sum_sum"]).rename_columns(TOTALS)


def partition(sums: pa.Table, count: int) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Cuts partial sums by a hash of both keys, so that equal pairs meet under one number in `[0, count)`."""
    hashed = combine([hash_column(sums[key].combine_chunks()) for key in KEYS]) % np.uint64(count)
    order = np.argsort(hashed, kind="stable")
    bounds = np.searchsorted(hashed[order], np.arange(count + 1, dtype=np.uint64))
    for number, (start, stop) in enumerate(zip(bounds, bounds[1:])):
        if start < stop:
            # `take` copies: a slice would be pickled with all that it was cut from
            yield number, as_batch(sums.take(pa.array(order[start:stop])))


def as_batch(table: pa.Table) -> pa.RecordBatch:
    """The table as one batch, the form in which it travels."""
    arrays = [column.combine_chunks() if column.num_chunks != 1 else column.chunk(0) for column in table.columns]
    return pa.RecordBatch.from_arrays(arrays, schema=table.schema)


def fairness_table(sums: pa.Table, scenarios: pa.Table, day: str, settings: FairnessSettings) -> pa.Table:
    """Coefficients of a day, or of any part of its pairs.

    `raw_fc` is Eq. 1; where a scenario's scores are all zero nothing is known of its items and it is 1.
    With `settings.prior` = p the item is given p impressions at the scenario's mean score,
    `(n * raw_fc + p) / (n + p)` for n impressions: the mean weighted by n + p stays 1, the one weighted by n
    moves by at most `p * max|raw_fc - 1| * items / impressions`. `fc` is that, clipped.

    Args:
      sums: what `merge` gives, every key once.
      scenarios: `totals` of all of the day, every scenario once.
      day: ISO date, repeated in each row.

    Returns:
      day (string), scenario, item, impressions (int64), score_sum, raw_fc, fc (float64), ordered by key.
    """
    at = pc.index_in(sums["scenario"].combine_chunks(), value_set=scenarios["scenario"].combine_chunks()).to_numpy()
    impressions = sums["impressions"].to_numpy().astype(np.float64)
    score_sum = sums["score_sum"].to_numpy()
    all_impressions = scenarios["impressions"].to_numpy().astype(np.float64)[at]
    all_scores = scenarios["score_sum"].to_numpy()[at]
    known = all_scores > 0
    # shares first: score_sum / impressions would lose subnormal scores
    share = np.divide(score_sum, all_scores, out=np.ones_like(score_sum), where=known)
    raw = np.where(known, share / (impressions / all_impressions), 1.0)
    smoothed = (impressions * raw + settings.prior) / (impressions + settings.prior)
    columns = {
        "day": pa.array([day], pa.string()).take(pa.array(np.zeros(len(raw), np.int8))),
        **{name: sums[name] for name in (*KEYS, "impressions", "score_sum")},
        "raw_fc": pa.array(raw),
        "fc": pa.array(np.clip(smoothed, settings.clip_min, settings.clip_max)),
    }
    return pa.table(columns)
