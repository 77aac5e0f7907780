"""Laws of the Fairness Coefficient's arithmetic."""

import hypothesis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import strategies as st

from scenerank.components.fairness_coefficient import aggregation, normalisation, shares
from scenerank.components.fairness_coefficient.lookup import FairnessLookup
from scenerank.components.fairness_coefficient.settings import FairnessSettings
from tests.benchmarks.daily import fairness as figure

scores = st.one_of(st.just(0.0), st.floats(1e-9, 1.0), st.floats(0.0, 1.0))
impressions = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), scores), min_size=1, max_size=60)


def columns(rows, text=False):
    scenario, item, score = (np.array(c) for c in zip(*rows))
    keys = [scenario.astype(np.int64), item.astype(np.int64)]
    arrays = [pa.array([f"k{k}" for k in key]) if text else pa.array(key) for key in keys]
    return (*arrays, pa.array(score.astype(np.float64)))


DEFAULTS = FairnessSettings(numerator="score")


def drawn(sums, totals, settings=DEFAULTS, numerator=shares.SCORE):
    raw = shares.raw_coefficients(sums, totals, numerator)
    return normalisation.drawn(sums, raw, settings.prior or 0.0)


def table_of(rows, settings=DEFAULTS, text=False):
    sums = aggregation.merge([aggregation.partial_sums(*columns(rows, text))])
    table = drawn(sums, aggregation.totals(sums), settings)
    return normalisation.fairness_table(table, normalisation.weights(table), "2024-01-02", settings)


def weighted_means(table, name):
    frame = table.to_pandas()
    frame["part"] = frame.impressions * frame[name]
    grouped = frame.groupby("scenario")
    return (grouped.part.sum() / grouped.impressions.sum()).to_numpy()


@hypothesis.given(impressions, st.booleans())
def test_weighted_mean_of_raw_is_one(rows, text):
    np.testing.assert_allclose(weighted_means(table_of(rows, text=text), "raw_fc"), 1, rtol=1e-12)


@hypothesis.given(impressions, st.floats(0, 1e6))
def test_the_mean_stays_one_whatever_the_prior(rows, prior):
    table = table_of(rows, FairnessSettings(prior=prior, clip_min=0, clip_max=1e300))
    np.testing.assert_allclose(weighted_means(table, "fc"), 1, rtol=1e-9)
    frame, mine = table_of(rows, FairnessSettings(clip_min=0, clip_max=1e300)).to_pandas(), table.to_pandas()
    for _, one in frame.groupby("scenario"):
        spread = np.ptp(mine.fc[one.index])
        assert spread <= np.ptp(one.fc) + 1e-9, "a prior draws coefficients together"


@pytest.mark.parametrize("scored", [True, False])
@pytest.mark.parametrize("flagged", [True, False])
def test_columns_may_come_in_chunks(scored, flagged):
    random = np.random.default_rng(0)
    size = 40_000
    columns = {
        "scenario": [f"s{i}" for i in random.integers(0, 20, size)],
        "item": [f"i{i}" for i in random.integers(0, 900, size)],
        "score": random.random(size),
        "intervened": random.integers(0, 2, size),
    }
    if not scored:
        del columns["score"]
    if not flagged:
        del columns["intervened"]
    whole = aggregation.merge([aggregation.partial_sums(**{name: pa.array(c) for name, c in columns.items()})])
    cut = {name: pa.chunked_array([c[i : i + 4096] for i in range(0, size, 4096)]) for name, c in columns.items()}
    parts = aggregation.merge([aggregation.partial_sums(**cut)])
    pd.testing.assert_frame_equal(parts.to_pandas(), whole.to_pandas())
    assert whole["impressions"].to_numpy().sum() == size
    assert (whole["organic"].to_numpy() < whole["impressions"].to_numpy()).any() == flagged


@hypothesis.given(impressions, st.data())
def test_flags_tell_coefficients_exactly(rows, data):
    flags = data.draw(st.lists(st.integers(0, 1), min_size=len(rows), max_size=len(rows)))
    scenario, item, _ = columns(rows)
    sums = aggregation.merge([aggregation.partial_sums(scenario, item, None, pa.array(flags, pa.int64()))])
    table = drawn(sums, aggregation.totals(sums), numerator=shares.FLAG)
    keys, flags = np.array([row[:2] for row in rows]), np.array(flags)
    for row in table.to_pylist():
        here = keys[:, 0] == row["scenario"]
        this = here & (keys[:, 1] == row["item"])
        assert row["organic"] == (flags[this] == 0).sum()
        if (flags[here] == 0).any():
            share = (flags[this] == 0).sum() / (flags[here] == 0).sum()
            assert row["drawn"] == pytest.approx(share / (this.sum() / here.sum()), rel=1e-9)
        else:
            assert row["drawn"] == 1, "nothing is known where all was intervened in"


@hypothesis.given(impressions)
def test_equation_one_by_hand(rows):
    scenario, item, score = (np.array(c, float) for c in zip(*rows))
    for row in table_of(rows).to_pylist():
        here = scenario == row["scenario"]
        this = here & (item == row["item"])
        assert row["impressions"] == this.sum()
        assert row["score_sum"] == pytest.approx(score[this].sum(), rel=1e-12)
        if score[here].sum() > 0:
            expected = (score[this].sum() / score[here].sum()) / (this.sum() / here.sum())
            assert row["raw_fc"] == pytest.approx(expected, rel=1e-9)
        else:
            assert row["raw_fc"] == 1
        assert 0.1 <= row["fc"] <= 10


@hypothesis.given(impressions, st.lists(st.integers(0, 60), max_size=4), st.randoms(use_true_random=False))
def test_any_division_of_the_rows_gives_the_same(rows, cuts, random):
    whole = aggregation.merge([aggregation.partial_sums(*columns(rows))])
    edges = [0, *sorted(min(c, len(rows)) for c in cuts), len(rows)]
    parts = [aggregation.partial_sums(*columns(rows[a:b])) for a, b in zip(edges, edges[1:]) if a < b]
    first = aggregation.merge(parts)
    random.shuffle(parts)
    # whatever the order of arrival, the very same bits
    assert aggregation.merge(parts).equals(first)
    assert first.select(["scenario", "item", "impressions"]).equals(whole.select(["scenario", "item", "impressions"]))
    np.testing.assert_allclose(first["score_sum"].to_numpy(), whole["score_sum"].to_numpy(), rtol=1e-12)


@hypothesis.given(impressions, st.integers(1, 8), st.booleans())
def test_partitions_lose_nothing_and_part_no_item(rows, count, text):
    sums = aggregation.merge([aggregation.partial_sums(*columns(rows, text))])
    parts = dict(aggregation.partition(sums, count))
    assert set(parts) <= set(range(count))
    back = aggregation.merge([pa.Table.from_batches([batch]) for batch in parts.values()])
    assert back.equals(sums)
    items = [set(batch.column("item").to_pylist()) for batch in parts.values()]
    assert sum(map(len, items)) == len(set().union(*items))
    again = dict(aggregation.partition(sums.slice(0, 1), count))
    assert list(again) == [n for n, b in parts.items() if sums.slice(0, 1).to_pylist()[0] in b.to_pylist()]


@hypothesis.given(impressions, st.booleans())
def test_lookup_finds_each_row(rows, text):
    table = table_of(rows, text=text)
    scenario, item, _ = columns(rows, text)
    expected = {(r["scenario"], r["item"]): np.float32(r["fc"]) for r in table.to_pylist()}
    found = FairnessLookup(table)(scenario, item)
    assert found.dtype == np.float32
    assert found.tolist() == [expected[key] for key in zip(scenario.to_pylist(), item.to_pylist())]


def test_lookup_names_what_it_lacks():
    lookup = FairnessLookup(table_of([(0, 0, 0.5), (1, 1, 0.5)]))
    with pytest.raises(KeyError, match="scenario 0, item 1"):
        lookup(pa.array([0, 0]), pa.array([0, 1]))
    with pytest.raises(KeyError, match="item 7"):
        lookup(pa.array([0]), pa.array([7]))


def test_uniform_scores_give_exactly_one():
    table = table_of([(s, i, 1.0) for s in range(3) for i in range(7) for _ in range(1 + s * i)])
    assert set(table["raw_fc"].to_pylist()) == {1.0} == set(table["fc"].to_pylist())


def test_columns_of_the_table():
    table = table_of([(0, 0, 0.5)])
    assert table.schema == pa.schema(
        [
            ("day", pa.string()),
            ("scenario", pa.int64()),
            ("item", pa.int64()),
            ("impressions", pa.int64()),
            ("organic", pa.int64()),
            ("score_sum", pa.float64()),
            ("raw_fc", pa.float64()),
            ("fc", pa.float64()),
        ]
    )


@hypothesis.given(impressions, st.integers(1, 8))
def test_coefficients_of_a_shard_are_those_of_the_whole(rows, count):
    sums = aggregation.merge([aggregation.partial_sums(*columns(rows))])
    scenarios = aggregation.totals(sums)
    shards = [pa.Table.from_batches([batch]) for _, batch in aggregation.partition(sums, count)]
    parts = [drawn(shard, scenarios) for shard in shards]
    weights = normalisation.weights(pa.concat_tables([normalisation.weights(part) for part in parts]))
    tables = [normalisation.fairness_table(part, weights, "2024-01-02", DEFAULTS) for part in parts]
    found = pa.concat_tables(tables).sort_by([(key, "ascending") for key in aggregation.KEYS]).to_pandas()
    pd.testing.assert_frame_equal(found, table_of(rows).to_pandas(), rtol=1e-12)


def test_settings_refuse_bounds_on_the_wrong_side_of_one():
    for wrong in ({"clip_min": 1.5}, {"clip_max": 0.5}, {"prior": -1}, {"clip": 3}, {"days": 0}):
        with pytest.raises(ValueError):
            FairnessSettings(**wrong)


def test_agrees_with_duckdb():
    ((name, ratio),) = figure.fairness_vs_duckdb(rows=20_000)
    assert name == "fairness_vs_duckdb"
    assert ratio > 0
