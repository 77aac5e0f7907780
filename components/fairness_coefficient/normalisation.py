"""From raw coefficients to those that examples carry: drawn to 1, their mean made 1, clipped."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from scenerank.components.fairness_coefficient.aggregation import KEYS, SUMS, of_scenario, summed
from scenerank.components.fairness_coefficient.settings import FairnessSettings

DRAWN, WEIGHT = "drawn", "weight"
"""The coefficient before its mean is made 1, and that times the impressions."""


def drawn(sums: pa.Table, raw: np.ndarray, prior: float) -> pa.Table:
    """The sums with `raw_fc`, and `drawn = (n raw + p) / (n + p)` for n impressions and p the prior, float64.

    Args:
      raw: float64, one for each row; NaN, of which nothing is known, becomes 1.
    """
    n = sums["impressions"].to_numpy().astype(np.float64)
    found = np.where(np.isnan(raw), 1.0, (n * raw + prior) / (n + prior))
    out = sums.append_column("raw_fc", pa.array(np.where(np.isnan(raw), 1.0, raw)))
    return out.append_column(DRAWN, pa.array(found)).append_column(WEIGHT, pa.array(n * found))


def weights(table: pa.Table) -> pa.Table:
    """Sums of `impressions` and `weight` of each scenario, of what `drawn` gives; those of parts add up."""
    return summed(table, ["scenario"], ["impressions", WEIGHT])


def fairness_table(table: pa.Table, totals: pa.Table, day: str, settings: FairnessSettings) -> pa.Table:
    """Coefficients of a day, or of any part of its pairs.

    Divided by their mean over the scenario, weighted by impressions, they have the mean 1; then they are clipped.

    Args:
      table: what `drawn` gives.
      totals: `weights` of all of the day, every scenario once.
      day: ISO date, repeated in each row.

    Returns:
      day (string), scenario, item, impressions, organic (int64), score_sum, raw_fc, fc (float64), ordered as `table`.
    """
    scenario = table["scenario"]
    mean = of_scenario(scenario, totals, WEIGHT) / of_scenario(scenario, totals, "impressions")
    fc = np.divide(table[DRAWN].to_numpy(), mean, out=np.ones(len(mean)), where=mean > 0)
    columns = {
        "day": pa.array([day], pa.string()).take(pa.array(np.zeros(len(fc), np.int8))),
        **{name: table[name] for name in (*KEYS, *SUMS, "raw_fc")},
        "fc": pa.array(np.clip(fc, settings.clip_min, settings.clip_max)),
    }
    return pa.table(columns)
