"""What LogExampleGen sends between workers, element by element, on a day with hot keys."""

import collections

import pytest

from scenerank.components.log_example_gen import coder
from scenerank.components.log_example_gen.joining import streams
from scenerank.components.log_example_gen.joining.rates import KEY
from tests.components.ingestion import declare, put, row, run

ROWS, PARTITIONS, BATCH, FILES = 3000, 4, 64, 10
KEY_SETS = [["user"], ["item"], ["scene", "item"]]


@pytest.fixture(scope="module")
def sent(tmp_path_factory):
    """All batches that were encoded: a third of the rows of one user, half of them of one item."""
    workspace = tmp_path_factory.mktemp("shuffle")
    for day in ("2024-03-03", "2024-03-04"):
        rows = [
            row(n, day=-int(day.endswith("3")), user="hot" if n % 3 == 0 else f"u{n}", item="hot" if n % 2 else f"i{n}",
                click=1)
            for n in range(ROWS)
        ]  # fmt: skip
        for part in range(FILES):
            put(workspace, rows[part::FILES], day=day, name=f"{part}.parquet")
    batches = collections.defaultdict(list)
    encode = coder.RecordBatchCoder.encode
    with pytest.MonkeyPatch.context() as patch:

        def watched(self, batch):
            if batch.schema.metadata:
                batches[batch.schema.metadata[streams.STREAM], KEY in batch.schema.names].append(batch)
            return encode(self, batch)

        patch.setattr(coder.RecordBatchCoder, "encode", watched)
        rates = {"keys": KEY_SETS, "events": ["click"], "days": 2, "prior": 4.0}
        result = run(workspace, declare(rates=rates), partitions=PARTITIONS, batch_rows=BATCH, slice_rows=BATCH)
    assert result.summary["rows_accepted"] == ROWS
    return batches


@pytest.mark.parametrize("stream", [streams.IMPRESSIONS, streams.BEHAVIORS, streams.RATED, streams.WANTED])
def test_rows_travel_in_batches_of_bounded_size(sent, stream):
    assert 0 < max(batch.num_rows for batch in sent[stream, False]) <= BATCH


@pytest.mark.parametrize("stream", [streams.RATES, streams.WANTED])
def test_a_partition_counts_and_asks_once_a_key(sent, stream):
    assert sent[stream, True]
    for batch in sent[stream, True]:
        keys = batch.column(batch.schema.get_field_index(KEY)).to_pylist()
        assert len(keys) == len(set(keys))


def test_a_key_that_all_see_is_asked_for_once_a_partition(sent):
    asked = collections.defaultdict(set)  # Beam may encode a batch more than once
    for batch in sent[streams.WANTED, True]:
        partition = batch.schema.metadata[b"partition"]
        for key in batch.column(batch.schema.get_field_index(KEY)).to_pylist():
            asked[key].add(partition)
    shard_sums = [len(partitions) for partitions in asked.values()]
    assert max(shard_sums) == PARTITIONS  # the hot item: half of all rows have it
    assert sum(shard_sums) < 2 * ROWS
