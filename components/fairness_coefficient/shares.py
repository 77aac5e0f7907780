"""Eq. 1 where its numerator is counted: a pair's share of its scenario's total over its share of the impressions.

SAR-Net, Eq. 1, for item i in scenario s on one day: `(F_is / sum_i F_is) / (PV_is / sum_i PV_is)`, with `PV` the
impressions. F is the sum of the scores that a model gives them (the equation to the letter: the item's mean score over
the scenario's), or, where the log flags interventions, the number of those that are none. The mean over a scenario
weighted by impressions is 1.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from scenerank.components.fairness_coefficient.aggregation import of_scenario

SCORE, FLAG = "score_sum", "organic"


def raw_coefficients(sums: pa.Table, totals: pa.Table, numerator: str) -> np.ndarray:
    """float64, one for each row of `sums`; NaN where a scenario's total is 0 and nothing is known of its items.

    Args:
      sums: what `aggregation.merge` gives, every key once, all of the day or any part of its pairs.
      totals: of all of the day.
      numerator: column of F.
    """
    part, all_parts = sums[numerator].to_numpy().astype(np.float64), of_scenario(sums["scenario"], totals, numerator)
    shown = sums["impressions"].to_numpy() / of_scenario(sums["scenario"], totals, "impressions")
    # shares first: sum over impressions would lose subnormal scores
    share = np.divide(part, all_parts, out=np.full(len(part), np.nan), where=all_parts > 0)
    return share / shown
