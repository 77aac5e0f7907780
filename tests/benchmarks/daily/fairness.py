"""Speed of the Fairness Coefficient's aggregation, scores given, beside duckdb's."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from scenerank.components.fairness_coefficient import aggregation, normalisation, shares
from scenerank.components.fairness_coefficient.files import ROWS
from scenerank.components.fairness_coefficient.settings import FairnessSettings

SHARDS = 64
QUERY = """
with pairs as (select scenario, item, count(*) impressions, sum(score) score_sum from rows group by scenario, item),
share as (select *, (score_sum / sum(score_sum) over s) / (impressions / sum(impressions) over s) raw_fc
          from pairs window s as (partition by scenario))
select '2024-01-01' as day, *, least(greatest(raw_fc, 0.1), 10.0) as fc from share order by scenario, item
"""


def impressions(rows: int, scenarios: int = 20, items: int = 2000, seed: int = 0) -> pa.Table:
    """Scored impressions with a long tail of items and of scenarios, string keys."""
    rng = np.random.default_rng(seed)
    scenario = np.minimum(rng.geometric(0.2, rows) - 1, scenarios - 1)
    item = (items * rng.random(rows) ** 3).astype(np.int64)
    names = pa.array([f"scenario_{i:02d}" for i in range(scenarios)])
    ids = pa.array([f"item_{i:06d}" for i in range(items)])
    scores = pa.array(rng.beta(1, 20, rows))
    columns = {"scenario": names.take(pa.array(scenario)), "item": ids.take(pa.array(item)), "score": scores}
    return pa.table(columns).combine_chunks()


def aggregate(rows: pa.Table) -> pa.Table:
    """What the Beam stages do to the rows of one file, without Beam: sum, cut, merge, make the table."""
    parts = []
    for start in range(0, rows.num_rows, ROWS):
        block = rows.slice(start, ROWS)
        parts.append(aggregation.partial_sums(block["scenario"], block["item"], block["score"]))
    cut = aggregation.partition(aggregation.merge(parts), SHARDS)
    merged = aggregation.merge([pa.Table.from_batches([batch]) for _, batch in cut])
    raw = shares.raw_coefficients(merged, aggregation.totals(merged), shares.SCORE)
    drawn = normalisation.drawn(merged, raw, 0.0)
    return normalisation.fairness_table(drawn, normalisation.weights(drawn), "2024-01-01", FairnessSettings())


def _seconds(function: Callable[[], object], repeats: int = 7) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def fairness_vs_duckdb(rows: int = 1_000_000) -> Iterator[tuple[str, float]]:
    """Rows a second over duckdb's for the same table, rows in memory, all its threads allowed.

    duckdb reads a table of its own, which suits it better than Arrow's.
    """
    data = impressions(rows)
    connection = duckdb.connect()
    with tempfile.TemporaryDirectory() as folder:
        pq.write_table(data, f"{folder}/rows.parquet")
        connection.execute(f"create table rows as from '{folder}/rows.parquet'")

    def by_duckdb() -> dict[str, np.ndarray]:
        return connection.execute(QUERY).fetchnumpy()

    theirs, ours = by_duckdb(), aggregate(data)
    assert np.allclose(theirs["fc"], ours["fc"].to_numpy()), "duckdb and the pipeline disagree"
    yield "fairness_vs_duckdb", round(_seconds(by_duckdb) / _seconds(lambda: aggregate(data)), 3)


FIGURES = {"fairness_vs_duckdb": fairness_vs_duckdb}
