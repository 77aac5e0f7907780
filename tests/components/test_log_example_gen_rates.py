"""Rates against sums by hand, and the hashes that they rest on."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenerank.components.hashing import combine, hash_column, hash_text
from scenerank.components.log_example_gen.joining import rates, streams
from tests.components.ingestion import declare, row

ROWS = st.lists(
    st.tuples(st.sampled_from(["ann", "bob"]), st.sampled_from(["home", "hotels"]), st.integers(0, 3), st.booleans()),
    min_size=1,
    max_size=30,
)


def table(events: list[tuple]) -> pa.Table:
    declaration = declare()
    rows = [row(i, user=u, scene=s, item=f"i{k}", click=int(c)) for i, (u, s, k, c) in enumerate(events)]
    batch = pa.RecordBatch.from_pylist(rows, schema=declaration.log_schema)
    return pa.Table.from_batches([streams.Rows(batch, declaration).rated()])


@settings(deadline=None)
@given(ROWS, st.integers(0, 29))
def test_rates_are_those_summed_by_hand(events, cut):
    declaration = declare()
    parts = [rates.count(table(part), declaration) for part in (events[:cut], events[cut:]) if part]
    # The two halves have equal clocks, so a row of each may be one duplicate; they are distinct partitions here.
    counts = {index: rates.merge([part[index] for part in parts]) for index in parts[0]}
    asked = [("ann", "home", 0), ("bob", "hotels", 3), ("new", "home", 9)]
    hashed = [hash_column(pa.array(values)) for values in zip(*((f"i{k}", u, s) for u, s, k in asked))]
    keys = {0: combine(hashed[:1]), 1: combine(hashed[1:])}
    found = {name: values.to_pylist() for name, values in rates.columns(keys, counts, declaration).items()}
    rate = sum(c for *_, c in events) / len(events)
    for place, (user, scene, item) in enumerate(asked):
        for label, mine in (
            ("item", [c for _, _, k, c in events if k == item]),
            ("user_scene", [c for u, s, _, c in events if (u, s) == (user, scene)]),
        ):
            assert found[f"count_{label}"][place] == pytest.approx(math.log1p(len(mine)))
            expected = math.log((sum(mine) + 4 * rate) / (len(mine) + 4) / rate) if rate else 0.0
            assert found[f"rate_click_{label}"][place] == pytest.approx(expected, abs=1e-6)


def test_duplicates_count_once():
    doubled = pa.concat_tables([table([("ann", "home", 0, True)])] * 3)
    assert rates.count(doubled, declare())[rates.TOTAL].to_pydict() == {
        "_key": [0],
        "_impressions": [1.0],
        "click": [1.0],
    }


@given(st.lists(st.text(max_size=40)))
def test_text_hashes_by_content_alone(values):
    hashes = hash_text(pa.array(["pad", *values], pa.string())[1:]).tolist()
    assert len(set(hashes)) == len(set(values))
    assert [hash_text(pa.array([v]))[0] for v in values] == hashes
    assert hash_column(pa.array(values, pa.string()).dictionary_encode()).tolist() == hashes


def test_hashes_do_not_change_between_versions():
    """Partitions, and so files, follow from them."""
    assert hash_column(pa.array(["scenerank", "", None])).tolist() == FROZEN_TEXT
    assert hash_column(pa.array([0, -1, None])).tolist() == FROZEN_INTEGERS
    zeros = hash_column(pa.array([0.0, -0.0, 1.0], pa.float32()))
    assert zeros[0] == zeros[1] != zeros[2]


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_integers_hash_as_in_pandas(values):
    assert hash_column(pa.array(values, pa.int64())).tolist() == pd.util.hash_array(np.array(values)).tolist()


FROZEN_TEXT = [11349651474050016480, 16294208416658607535, 11400714819323198485]
FROZEN_INTEGERS = [0, 13029008266876403067, 11400714819323198485]


def test_nulls_differ_from_zero_and_from_empty_text():
    assert len(np.unique(hash_column(pa.array([0, None])))) == 2
    assert len(np.unique(hash_column(pa.array(["", None])))) == 2
