"""The data half of a plan: what ingestion, statistics, coefficients, analysis and evaluation need at another scale.

Pure arithmetic; `ASSUMPTIONS` says what it rests on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from scenerank.components.log_example_gen.settings import MAX_PARTITIONS, IngestSettings
from scenerank.components.shards import shards
from scenerank.pipeline.plan.measured import COMPONENTS, EARLIER, RowBytes, Run, Stored
from scenerank.pipeline.plan.quantities import MIB, Budget, Days, Estimate, Line, Scale, Step

PROGRAM = 700 * MIB
"""Resident bytes of a worker with Beam, TFX and TensorFlow imported, before it has data; measured."""
FIXED = 256 * MIB
"""Bytes of batches in flight, slices of histories and compressors in a worker, whatever the day; measured."""
COPIES = 8
"""Bytes that a worker needs for each byte of decoded rows of its partition while it sorts and joins; measured."""
SENT_BYTES = 40
"""Of a pair of a file on its way to its shard: keys, impressions, score."""
REQUEST_BYTES, HISTOGRAM = 120, 2 * 8192 * 8
"""Bytes in a worker for each row whose request is ranked, and of a scenario's histogram of scores."""
KEY_BYTES, PAIR_BYTES = 150, 150
"""Bytes in a worker for each key of rates, or pair of scenario and item, of its shard while it is summed up: counted
from the columns held at once, not measured, as those above."""
MAX_BATCH = 1 << 20
MESSAGE_ROWS = 64
"""Rows below which the header of what a batch sends to a partition weighs more than the rows."""

ASSUMPTIONS = (
    "work grows with rows: core-seconds = fixed + rows * core-seconds a row; with a second, smaller run (--small) a "
    "line through both, without one all count as work, which overstates it",
    "an engine's workers, which send what they exchange over a network, do --efficiency of what a measured core did",
    f"a row of an earlier day, read for histories and rates, costs LogExampleGen {EARLIER} of a row of the day",
    "rows are as wide, and as often behaviors, as those measured; users have equally many impressions",
    f"a worker's program takes {PROGRAM // MIB} MiB, its batches {FIXED // MIB} MiB, a row of its partition {COPIES} "
    "times its decoded bytes",
    f"a key, or pair, of a shard takes {KEY_BYTES} bytes and a request's row {REQUEST_BYTES}, counted and not measured",
    "examples have histories as long as those measured: compare the lengths that are printed",
    "a partition has as many keys of rates in each set as rows in a day, at most",
    "pairs of scenario and item are as many as there can be: min(impressions, items * scenarios)",
    "disk holds every copy once; replication and snapshots come on top",
)


def lines(run: Run, small: Run | None) -> dict[str, Line]:
    """The cost of each component, from one run or from two of different size."""
    found = {}
    for name in COMPONENTS:
        seconds, worked = run.seconds[name], max(run.worked[name], 1.0)
        fixed, each = 0.0, seconds / worked
        if small is not None and worked > small.worked[name]:
            slope = (seconds - small.seconds[name]) / (worked - small.worked[name])
            if slope > 0:
                fixed, each = max(seconds - slope * worked, 0.0), min(slope, seconds / worked)
        found[name] = Line(fixed, each)
    return found


def history_length(scale: Scale, rows: RowBytes, days: Days) -> float:
    """Behaviors of earlier days in the history of a user."""
    return min(scale.impressions / max(scale.users, 1) * rows.behaviors_per_row * days.history, days.length)


def partition_memory(scale: Scale, rows: RowBytes, days: Days, partitions: int) -> float:
    """Bytes of a worker with one partition of users: as it joins, or as it counts rates, whichever is more."""
    held = scale.impressions * rows.decoded + scale.users * history_length(scale, rows, days) * rows.decoded_behavior
    counted = scale.impressions * (days.rated * rows.rated + rows.wanted)
    return PROGRAM + FIXED + COPIES * max(held, counted) / partitions


def shard_bytes(scale: Scale, rows: RowBytes, pairs: int) -> float:
    """Bytes that all shards together hold, of the component whose shards hold the most."""
    n = float(scale.impressions)
    return max(n * rows.shared_keys * KEY_BYTES, pairs * PAIR_BYTES, n * SENT_BYTES, n * REQUEST_BYTES)


def partitions(scale: Scale, rows: RowBytes, days: Days, budget: Budget, workers: int, shared: float) -> int:
    """As many as the memory of a partition and of a shard demands, and four a worker so that none waits for the last.

    Args:
      shared: see `shard_bytes`.

    Raises:
      ValueError: no number of partitions fits.
    """
    room = budget.memory - PROGRAM - FIXED
    if room <= 0:
        raise ValueError(f"a worker needs more than {(PROGRAM + FIXED) // MIB} MiB: give it more with --worker-memory")
    needed = math.ceil((partition_memory(scale, rows, days, 1) - PROGRAM - FIXED) / room)
    for_shards = math.ceil(shared / room)
    needed = max(needed, for_shards if for_shards <= 64 else 16 * for_shards)
    if needed > MAX_PARTITIONS:
        raise ValueError(
            f"{needed:,} partitions are more than {MAX_PARTITIONS:,}: give workers more with --worker-memory"
        )
    return max(needed, min(4 * workers, MAX_PARTITIONS))


def estimate(
    scale: Scale, cost: Mapping[str, Line], rows: RowBytes, stored: Stored, days: Days, models: int, budget: Budget
) -> Estimate:
    """What a day at `scale` needs.

    Args:
      cost: see `lines`.
      models: that an evaluation scores with.

    Raises:
      ValueError: no number of partitions fits into a worker's memory.
    """
    n = float(scale.impressions)
    worked = {
        "LogExampleGen": n * (1 + EARLIER * days.lookback),
        "StatisticsGen": n,
        "FairnessCoefficient": n,
        "Transform": n * days.train,
        "Evaluator": n * models,
    }
    work = {name: worked[name] * cost[name].each / budget.efficiency for name in COMPONENTS}
    spare = max(budget.hours * 3600 - sum(line.fixed for line in cost.values()), 1.0)
    workers = budget.workers or max(math.ceil(sum(work.values()) / spare), 1)
    pairs = min(scale.impressions, scale.items * scale.scenarios)
    parts = partitions(scale, rows, days, budget, workers, shard_bytes(scale, rows, pairs))
    logs, examples, table = n * stored.log, n * stored.example, pairs * stored.pair
    moved = _bytes_moved(scale, rows, stored, days, pairs)
    shard = max(pairs * PAIR_BYTES, n * SENT_BYTES) / shards(parts)  # its pairs, or what files send of them
    batch = int((budget.memory - PROGRAM - FIXED) / COPIES / rows.decoded)
    batch = max(min(max(IngestSettings().batch_rows, MESSAGE_ROWS * parts), MAX_BATCH, batch), 1)
    partition = max(partition_memory(scale, rows, days, parts), PROGRAM + FIXED + COPIES * batch * rows.decoded)
    memory = {
        "LogExampleGen": max(partition, PROGRAM + FIXED + n * rows.shared_keys * KEY_BYTES / shards(parts)),
        "FairnessCoefficient": PROGRAM + FIXED + shard,
        "Evaluator": PROGRAM + FIXED + n * REQUEST_BYTES / shards(parts) + scale.scenarios * models * HISTOGRAM,
    }
    at_once = min(workers, parts)
    steps = []
    for name in COMPONENTS:
        read, written, shuffled, shuffles = moved[name]
        hours = (cost[name].fixed + work[name] / at_once) / 3600
        steps.append(Step(name, read, written, shuffled, shuffles, at_once, hours, memory.get(name, PROGRAM + FIXED)))
    copied = examples + table
    steps.append(Step("DayPublisher", copied, copied, 0.0, 0, 1, copied / budget.copy_rate / 3600, FIXED))
    day = {"logs": logs, "examples": examples, "fairness": table}
    return Estimate(
        steps=tuple(steps),
        workers=workers,
        partitions=parts,
        batch_rows=batch,
        pairs=pairs,
        pair_bytes=table,
        day_bytes=day,
        window_bytes=logs * (days.lookback + 1) + (examples + table) * (days.train + 2),
        peak_bytes=3 * examples + table,
    )


def _bytes_moved(
    scale: Scale, rows: RowBytes, stored: Stored, days: Days, pairs: int
) -> dict[str, tuple[float, float, float, int]]:
    """Of each component: bytes read, written and shuffled, and how many shuffles its graph has."""
    n = float(scale.impressions)
    logs, examples, table = n * stored.log, n * stored.example, pairs * stored.pair
    behaviors = n * rows.behaviors_per_row * days.history * rows.behaviors
    by_user = n * rows.impressions + behaviors
    for_rates = n * days.rated * rows.rated + n * rows.wanted
    # Counted and asked for: each key once a partition, at most once a row; 24 bytes counted, 8 asked, 24 answered.
    by_key = n * rows.shared_keys * (24 * days.rated + 8 + 24)
    return {
        # Files to workers, rated rows by user, their sums by key, all streams by user.
        "LogExampleGen": (logs * (1 + days.lookback), examples, by_user + for_rates + by_key, 4 if days.rated else 2),
        "StatisticsGen": (examples, 0.0, 24.0 * 3 * n, 2),  # a value and its count of each id that a row has
        # Files to workers, sums by pair, coefficients by file; a pair once a file, at most once a row.
        "FairnessCoefficient": (2 * examples, examples + table, n * (SENT_BYTES + 24), 3),
        "Transform": (days.train * examples, 0.0, 0.0, 2),  # vocabularies and quantiles: small sums
        "Evaluator": (examples, 0.0, 25.0 * n, 3),  # files to workers, requests, metrics by scenario
    }
