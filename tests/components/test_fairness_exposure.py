"""Laws of coefficients by exposure."""

import hypothesis
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import strategies as st

from scenerank.components.fairness_coefficient.exposure import (
    MOST,
    Exposure,
    Moments,
    Priors,
    Totals,
    coefficients,
    exposure,
    priors,
)

DAYS = 8


def platform(seed=0, days=DAYS, scenarios=4, items=60, rows=20_000, campaigns=(), drift=0.0):
    """Impressions `[scenarios * items, days]`: shares of a long tail; `campaigns` are (day, pair, factor)."""
    random = np.random.default_rng(seed)
    share = random.pareto(1.5, (scenarios, items)) * random.lognormal(0, 1, items) + 0.05
    share = (share / share.sum(1, keepdims=True)).ravel()
    counts = np.zeros((scenarios * items, days))
    for day in range(days):
        factor = np.exp(drift * random.standard_normal(len(share)))
        for when, pair, times in campaigns:
            factor[pair] *= times if when == day else 1.0
        weight = (share * factor).reshape(scenarios, items)
        for s in range(scenarios):
            counts[s * items : (s + 1) * items, day] = random.multinomial(
                rows // scenarios, weight[s] / weight[s].sum()
            )
    return counts


def of(counts, scenarios=4):
    items = len(counts) // scenarios
    scenario = np.repeat(np.arange(scenarios), items)
    totals = np.stack([counts[scenario == s].sum(0) for s in range(scenarios)])
    return Exposure(counts, totals[scenario], counts.sum(0), np.tile(np.arange(items), scenarios))


def found(counts, prior=None):
    space = of(counts)
    told = priors(space.moments(), prior)
    return coefficients(space.expected(told), counts[:, -1], told.day), told


def test_where_nobody_intervenes_coefficients_are_one():
    for seed in range(3):
        fc, told = found(platform(seed))
        assert told.day > 100, "the days vary as chance has it"
        assert np.abs(np.log(fc)).max() < 0.15


def test_an_intervention_is_seen_and_the_more_the_lower():
    pairs = [3, 70, 130, 200]
    before = None
    for times in (1.0, 3.0, 8.0):
        fc, told = found(platform(campaigns=[(DAYS - 1, pair, times) for pair in pairs]))
        if before is not None:
            assert (fc[pairs] < before).all()
        before = fc[pairs]
    counts = platform(campaigns=[(DAYS - 1, pair, 8.0) for pair in pairs])[:, -1]
    often = counts[pairs] > 50
    assert often.any() and (before[often] < 0.3).all()
    others = np.setdiff1d(np.arange(240), pairs)
    weight = counts[others] / counts[others].sum()
    assert (np.abs(np.log(fc[others])) * weight).sum() < 0.3


@hypothesis.settings(deadline=None, max_examples=40)
@hypothesis.given(seed=st.integers(0, 50), pair=st.integers(0, 239), more=st.integers(1, 500), prior=st.floats(0.1, 50))
def test_more_exposure_of_a_pair_makes_its_coefficient_fall(seed, pair, more, prior):
    counts = platform(seed, days=3, rows=4000)
    raised = counts.copy()
    raised[pair, -1] += more
    # the scenario's total is kept: what the pair gets on top others lack
    space, higher = of(counts), of(raised)
    higher = Exposure(raised, space.totals, space.all, space.item)
    told = Priors(3.0, prior)
    low = coefficients(higher.expected(told), raised[:, -1], prior)[pair]
    high = coefficients(space.expected(told), counts[:, -1], prior)[pair]
    known = not np.isnan(space.expected(told)[pair])
    assert low < high if known else low == high == 1


def test_a_long_campaign_does_not_become_normal():
    pair = int(np.argsort(platform()[:, 0])[-3])
    fc, told = found(platform(campaigns=[(day, pair, 5.0) for day in range(2, DAYS)]))
    assert fc[pair] < 0.45
    counts = platform(campaigns=[(day, pair, 5.0) for day in range(2, DAYS)])
    naive = counts[pair, :-1].mean() / counts[pair, -1]
    assert naive > 0.6, "a plain mean of the days would have taken it for ordinary"


def test_a_pair_without_past_has_one():
    counts = platform()
    new = [5, 100]
    counts[new, :-1] = 0
    counts[new, -1] = 40
    fc, _ = found(counts)
    assert (fc[new] == 1).all()
    first, _ = found(platform(days=1))
    assert (first == 1).all()


def test_an_items_share_stands_behind_a_rare_pair():
    counts = np.zeros((2 * 40, 4))
    counts[:40] = 50.0  # in the first scenario all are shown alike
    counts[40:] = 2.0
    counts[3] = 200.0  # but for one
    counts[43, -1] = 2.0
    space = of(counts, 2)
    weak, strong = (space.expected(Priors(k, 5.0)) for k in (0.01, 1000.0))
    assert weak[43] == pytest.approx(2.0, rel=0.05)
    assert strong[43] > 1.8 * strong[44]


def test_priors_are_reciprocals_of_variances():
    assert priors(Moments(10.0, 40.0, 5.0, 100.0)) == Priors(4.0, 20.0)
    assert priors(Moments(10.0, 40.0, 5.0, 100.0), 7.0) == Priors(4.0, 7.0)
    assert priors(Moments(-1.0, 40.0, 0.0, 0.0)) == Priors(MOST, MOST)


def test_the_variance_of_days_is_estimated():
    seen = []
    for seed in range(5):
        told = priors(of(platform(seed, items=200, rows=200_000, drift=0.5)).moments())
        seen.append(1 / told.day)
    truth = np.exp(2 * 0.25) - np.exp(0.25)  # of a lognormal, its mean squared apart
    assert np.mean(seen) == pytest.approx(truth / np.exp(0.25), rel=0.5)


@hypothesis.settings(deadline=None, max_examples=30)
@hypothesis.given(seed=st.integers(0, 1000), count=st.integers(1, 5), text=st.booleans())
def test_shards_of_items_add_up_to_the_whole(seed, count, text):
    random = np.random.default_rng(seed)
    tables = []
    for _ in range(3):
        keys = np.unique(random.integers(0, [3, 9], (20, 2)), axis=0)
        names = [[f"k{k}" for k in column] if text else column for column in keys.T]
        tables.append(
            pa.table({"scenario": names[0], "item": names[1], "impressions": random.integers(1, 30, len(keys))})
        )
    scenarios = pa.array(sorted({s for t in tables for s in t["scenario"].to_pylist()}))
    by_day = [dict.fromkeys(scenarios.to_pylist(), 0) for _ in tables]
    for day, table in zip(by_day, tables):
        for s, n in zip(table["scenario"].to_pylist(), table["impressions"].to_pylist()):
            day[s] += n
    totals = Totals(scenarios, np.array([list(day.values()) for day in by_day], float))
    whole, places = exposure(tables, totals)
    told = priors(whole.moments(), 4.0)
    expected = dict(zip(map(tuple, _keys(tables[-1])), whole.expected(told)[places[-1]]))
    moments = []
    for part in range(count):
        mine = [t.filter(pa.array([hash(i) % count == part for i in t["item"].to_pylist()])) for t in tables]
        if not sum(t.num_rows for t in mine):
            continue
        shard, where = exposure(mine, totals)
        moments.append(shard.moments())
        for key, value in zip(map(tuple, _keys(mine[-1])), shard.expected(told)[where[-1]]):
            np.testing.assert_allclose(value, expected.pop(key), rtol=1e-9)
    assert not expected
    np.testing.assert_allclose(np.sum(moments, 0), whole.moments(), rtol=1e-9, atol=1e-6)


def _keys(table):
    return zip(table["scenario"].to_pylist(), table["item"].to_pylist())
