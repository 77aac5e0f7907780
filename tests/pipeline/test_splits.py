"""Splits of a benchmark's rows."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenerank.pipeline.compare.commands import Bench
from scenerank.pipeline.compare.data import digest, read
from scenerank.pipeline.compare.splits import LARGEST, TENTHS, random_rows
from scenerank.pipeline.sources.simulator import simulate


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from("abcdefgh"), min_size=30, max_size=300))
def test_random_parts_are_eight_one_and_one_tenths_of_the_largest_scenarios(scenarios):
    names = np.array(scenarios)
    parts = random_rows(names)
    rows = np.concatenate(list(parts.values()))
    assert list(parts) == list(TENTHS) and len(set(rows)) == len(rows)
    kept, count = np.unique(names[rows], return_counts=True)
    every, of_each = np.unique(names, return_counts=True)
    assert len(kept) == min(LARGEST, len(every))
    assert sorted(count) == sorted(of_each)[-len(kept) :]  # these scenarios whole, and no smaller ones
    for part, tenths in TENTHS.items():
        assert abs(len(parts[part]) - tenths / 10 * len(rows)) <= 1
        assert (np.diff(parts[part]) > 0).all()
        np.testing.assert_array_equal(parts[part], random_rows(names)[part])


@pytest.mark.slow
def test_random_parts_hold_the_rows_of_the_parts_by_time(tmp_path):
    """From logs on, by the pipeline's own components; what a row tells does not depend on the split."""
    out = str(tmp_path)
    simulate(f"{out}/workspace", days=8, scenarios=8, users=80, items=60, impressions_per_day=600)
    benches = {
        split: Bench.open("simulator", None, out, None, ("window.days=2",), split) for split in ("time", "random")
    }
    parts = {split: read(bench.prepared) for split, bench in benches.items()}
    assert digest(benches["time"].prepared) != digest(benches["random"].prepared)
    trials = [bench.trial("hard_sharing") for bench in benches.values()]
    assert trials[0].key != trials[1].key and [t.data for t in trials] == ["simulator", "simulator_random"]

    def rows(split):
        stores = [getattr(parts[split], part) for part in ("train", "validation", "test")]
        return [sorted(map(bytes, np.ascontiguousarray(contents(store)))) for store in stores]

    everything = [row for part in rows("time") for row in part]
    chosen = [row for part in rows("random") for row in part]
    sizes = np.array([len(part) for part in rows("random")])
    np.testing.assert_allclose(sizes, np.array([0.8, 0.1, 0.1]) * len(chosen), atol=1)
    largest = np.concatenate([getattr(parts["time"], part).scenarios for part in ("train", "validation", "test")])
    assert len(chosen) == np.sort(np.bincount(largest))[-LARGEST:].sum()
    assert not Counter(chosen) - Counter(everything)
    facts, test = parts["random"].facts, parts["random"].test
    assert len(facts.scenario) == test.rows and len(set(facts.scenario)) == len(set(test.scenarios)) == LARGEST
    assert len(parts["random"].days) == parts["random"].train.rows and len(set(parts["random"].days)) == 3


def contents(store):
    """All that a row tells, its history summed up, float `[N, any]`; but for its coefficient, which only rows that are
    learned from have."""
    store = store.with_coefficients(np.ones(store.rows, np.float32))
    splits = store.splits.numpy()
    events = np.concatenate([store.events_integers.numpy()[:-1], store.events_floats.numpy()[:-1]], 1).astype("f8")
    sums = np.concatenate([np.zeros((1, events.shape[1])), np.cumsum(events, 0)])
    floats = np.round(store.floats.numpy().astype("f8"), 4)
    return np.concatenate([store.integers.numpy(), floats, np.round(sums[splits[1:]] - sums[splits[:-1]], 2)], 1)
