"""Scores of a simulated day on which items were shown uniformly at random.

The rows are treated as that day's log: with the pure functions of ingestion they get the histories that their
users had, from the true logs of earlier days and the day's own earlier rows, and the rates of the days before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
import pyarrow as pa

from scenerank.components.log_example_gen.steps import KEY_SET, Partition, check, encode, rates, settled_ms, streams
from scenerank.components.workspace import Workspace, shift
from scenerank.pipeline.sources.simulator.oracle import read
from scenerank.schemas import Declaration

NOTHING: Mapping[bytes, str] = {}


def examples_of(
    workspace: Workspace, day: str, declaration: Declaration, logs: pa.Table, slice_rows: int = 4096
) -> list[pa.RecordBatch]:
    """The examples that ingestion would make of a day if its logs were these; all held at once.

    Args:
      logs: the day's rows, in the columns of the native log.
    """
    partition = Partition(declaration, settled_ms(declaration, day))
    for rows in _checked(logs, declaration, day):
        _add(partition, rows.impressions(), streams.IMPRESSIONS)
    if partition.empty:
        return []
    remembered = declaration.history.days if declaration.history else 0
    rated = declaration.rates.days if declaration.rates else 0
    counted = []
    for back in range(1, max(remembered, rated) + 1):
        earlier = shift(day, -back)
        if not workspace.exists(workspace.uri("logs", f"day={earlier}")):
            continue
        for rows in _checked(read(workspace, "logs", earlier), declaration, earlier):
            if back <= rated:
                counted.append(rows.rated())
            if back <= remembered:
                _add(partition, rows.behaviors(), streams.BEHAVIORS)
    counts = rates.count(pa.Table.from_batches(counted), declaration) if counted else {}
    total = counts.pop(rates.TOTAL, None)
    for index, found in counts.items():
        _add(partition, found, streams.RATES, {KEY_SET: str(index)})
    return list(partition.examples(total, slice_rows))


def _checked(table: pa.Table, declaration: Declaration, day: str) -> Iterator[streams.Rows]:
    for batch in table.to_batches(max_chunksize=1 << 16):
        good = check(batch, declaration, day, "", np.arange(batch.num_rows)).good
        if good.num_rows:
            yield streams.Rows(good, declaration)


def _add(partition: Partition, batch: pa.RecordBatch, stream: bytes, more: Mapping[bytes, str] = NOTHING) -> None:
    if batch.num_rows:
        partition.add(batch.replace_schema_metadata({streams.STREAM: stream, **more}))


def _sample(examples: list[pa.RecordBatch], declaration: Declaration, most: int) -> list[pa.RecordBatch]:
    rows = sum(batch.num_rows for batch in examples)
    if rows <= most or declaration.request is None:
        return examples
    out = []
    for batch in examples:
        ids = batch.column(declaration.request.name).to_numpy(zero_copy_only=False)
        hashed = pd.util.hash_array(ids, categorize=False) / 2.0**64
        out.append(batch.filter(pa.array(hashed < most / rows)))
    return out


def score_unbiased(
    workspace: Workspace, day: str, models: Mapping[str, str], declaration: Declaration, most: int | None = None
) -> pd.DataFrame:
    """Rows of `unbiased/day=D` with the scores of models.

    Args:
      models: SavedModel directories by name.
      most: so many rows at most, give or take, in whole requests.

    Returns:
      request_id, scenario_id, item_id, category, is_click, probability (the true one), and a column a model.

    Raises:
      WorkspaceError: the day was not simulated.
    """
    from scenerank.components.scoring import Scorer

    examples = examples_of(workspace, day, declaration, read(workspace, "unbiased", day))
    if most is not None:
        examples = _sample(examples, declaration, most)
    examples = [batch for batch in examples if batch.num_rows]
    names = ["request_id", "scenario_id", "item_id", "category", "is_click"]
    columns = pa.Table.from_batches(examples).select(names).to_pandas()
    encoded = [np.array(encode(batch), object) for batch in examples]
    for name, path in models.items():
        scorer = Scorer(path)
        columns[name] = np.concatenate([scorer(serialized) for serialized in encoded])
    truth = read(workspace, "truth_unbiased", day, ["request_id", "item_id", "probability"]).to_pandas()
    # a request shows an item once, so the pair finds its row
    return columns.merge(truth.drop_duplicates(["request_id", "item_id"]), "left", ["request_id", "item_id"])
