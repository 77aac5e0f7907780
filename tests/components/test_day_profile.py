"""The profile of a day: the same however its rows are divided, and true to them."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenerank.components.day_profile.histogram import RATIO, Histogram
from scenerank.components.day_profile.sample import SIZE, sample, smallest, unseen
from scenerank.components.day_profile.tally import Tally
from scenerank.components.records.profile import QUANTILES, KeySample
from tests.components import small_days
from tests.components.ingestion import declare, put, row, run

numbers = st.lists(st.floats(-1e12, 1e12, allow_subnormal=False), min_size=1, max_size=60)


@given(numbers, st.integers(0, 60), st.randoms())
@settings(max_examples=60, deadline=None)
def test_a_histogram_is_the_same_however_it_is_divided(values, cut, random):
    parts = [Histogram.of(np.array(part)) for part in (values[:cut], values[cut:]) if part]
    random.shuffle(parts)
    whole, merged = Histogram.of(np.array(values)), Histogram.merged(parts)
    np.testing.assert_array_equal(merged.bins, whole.bins)
    np.testing.assert_array_equal(merged.counts, whole.counts)


@given(numbers)
@settings(max_examples=60, deadline=None)
def test_quantiles_are_those_of_the_values_to_two_percent(values):
    values = np.array(values)
    found = Histogram.of(values).quantiles(QUANTILES)
    true = np.quantile(values, QUANTILES, method="inverted_cdf")
    np.testing.assert_allclose(found, true, rtol=RATIO**0.5 - 1 + 1e-3, atol=1.1e-9)


def test_a_number_without_values_has_no_quantiles():
    assert Histogram.of(np.zeros(0)).quantiles(QUANTILES) == []


@given(st.lists(st.lists(st.integers(0, 2**64 - 1), max_size=20), min_size=1, max_size=5), st.randoms())
@settings(max_examples=60, deadline=None)
def test_a_sample_is_the_same_however_it_is_divided(parts, random):
    arrays = [smallest([np.array(part, np.uint64)]) for part in parts]
    whole = smallest([np.array(sum(parts, []), np.uint64)])
    random.shuffle(arrays)
    np.testing.assert_array_equal(smallest(arrays), whole)


def keys(first, last, seed=0):
    """A sample of keys `first` to `last`, each with a hash of its own."""
    hashes = np.random.default_rng(seed).permutation(2**20).astype(np.uint64) << np.uint64(40)
    return sample(smallest([hashes[first:last]]))


def test_few_keys_are_known_exactly():
    assert keys(0, 100).complete and len(keys(0, 100).hashes) == 100
    assert unseen(keys(0, 100), [keys(50, 80), keys(70, 90)]) == (0.6, 100)
    assert unseen(keys(0, 100), [keys(0, 200)]) == (0.0, 100)
    assert unseen(KeySample(), [keys(0, 9)]) == (0.0, 0)


@pytest.mark.parametrize(("today", "before"), [(50_000, 50_000), (50_000, 500_000), (5_000, 50_000)])
def test_many_keys_are_known_by_a_sample(today, before):
    sampled = keys(0, today)
    assert not sampled.complete and len(sampled.hashes) == SIZE
    share, looked_at = unseen(sampled, [keys(int(0.3 * today), before), keys(today, today + 100)])
    assert share == pytest.approx(0.3, abs=5 * np.sqrt(0.21 / looked_at))


def batch(count, seed=0):
    return small_days.rows(count, seed).combine_chunks().to_batches()[0]


@given(st.lists(st.integers(0, 300), max_size=4), st.randoms())
@settings(max_examples=20, deadline=None)
def test_a_tally_is_the_same_however_it_is_divided(cuts, random):
    rows, ends = batch(300), sorted({0, 300, *cuts})
    parts = [Tally.of(rows.slice(a, b - a), small_days.DECLARATION) for a, b in zip(ends, ends[1:])]
    random.shuffle(parts)
    nested = Tally.merged([Tally.merged(parts[:1]), Tally(), Tally.merged(parts[1:])])
    assert nested.profile("2024-03-01") == Tally.of(rows, small_days.DECLARATION).profile("2024-03-01")


def test_a_profile_is_true_to_its_rows():
    rows = batch(2000)
    found = Tally.of(rows, small_days.DECLARATION).profile("1970-01-01")
    data = rows.to_pandas()
    assert (found.rows, found.clicks) == (2000, data["clicked"].sum())
    for page, part in data.groupby("page"):
        assert found.scenarios[page] == (len(part), part["clicked"].sum())
    assert found.hours == [2000] + [0] * 23  # 2,000 milliseconds
    assert list(found.numbers) == ["spend"]  # levels are names, ads and users keys
    assert found.numbers["spend"][2] == pytest.approx(data["spend"].median(), rel=0.025)
    assert {name: len(sampled.hashes) for name, sampled in found.keys.items()} == {"ad": 9, "user": 50}


def test_rows_that_are_null_in_a_batch_of_none_add_nothing():
    empty = batch(10).slice(0, 0)
    assert Tally.of(empty, small_days.DECLARATION).profile("d").rows == 0
    assert Tally.merged([]).profile("d").rows == 0


def test_ingestion_profiles_the_rows_that_it_takes(tmp_path):
    rows = [row(time=3600 * i, item=f"i{i % 7}", user=f"u{i % 5}", price=None if i % 2 else 3.0, click=i % 4 == 0)
            for i in range(20)]  # fmt: skip
    rows = [{**one, "click": int(one["click"])} for one in rows]
    put(tmp_path, [*rows, row(time=1, age=500)])
    put(tmp_path, [row(time=1, day=-1, scene="earlier")], day="2024-03-03")
    found = run(tmp_path, max_quarantined_share=0.2).profile
    assert (found.day, found.rows, found.clicks) == ("2024-03-04", 20, 5)
    assert found.scenarios == {"home": (20, 5)}
    assert found.hours == [1] * 20 + [0] * 4
    assert found.missing == {"note": 0, "price": 10}
    assert found.numbers["price"] == pytest.approx([3.0] * 5, rel=0.02)
    assert {name: len(sampled.hashes) for name, sampled in found.keys.items()} == {"item": 7, "user": 5}


def test_a_dictionary_that_repeats_itself_is_counted_by_its_names():
    columns = dict(zip(batch(4).schema.names, batch(4).columns))
    columns["page"] = pa.DictionaryArray.from_arrays(pa.array([0, 1, 2, None]), pa.array(["home", "deals", "home"]))
    rows = pa.RecordBatch.from_arrays([*columns.values()], [*columns])
    assert Tally.of(rows, small_days.DECLARATION).rows == {"home": 2, "deals": 1, "": 1}


def test_hours_are_those_of_the_time_zone(tmp_path):
    good = pa.RecordBatch.from_pylist([{**row(time=0), "price": 1.0}])
    assert Tally.of(good, declare(utc_offset_hours=8.0)).hours.argmax() == 8
    assert Tally.of(good, declare(utc_offset_hours=-3.0)).hours.argmax() == 21
    assert Tally.of(good, declare(partitioned_by_time=False)).hours is None
