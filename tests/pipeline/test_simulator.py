"""The simulated platform: tables of the paper, truth, promotions, unbiased exposure, reproducibility."""

import dataclasses
import hashlib
import pathlib

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from scenerank.components.log_example_gen.checking.checks import check
from scenerank.components.workspace import Workspace
from scenerank.errors import ConfigurationError, WorkspaceError
from scenerank.pipeline.sources.simulator import oracle_auc, simulate
from scenerank.pipeline.sources.simulator.catalogue import PURPOSES
from scenerank.pipeline.sources.simulator.oracle import auc, read
from scenerank.pipeline.sources.simulator.population import BREADTH_SHARES, Population
from scenerank.pipeline.sources.simulator.presentation import examined
from scenerank.pipeline.sources.simulator.promotions import Campaign
from scenerank.pipeline.sources.simulator.rankers import effects
from scenerank.pipeline.sources.simulator.scenarios import CLICK_RATES, SHARES, Scenarios, spread
from scenerank.pipeline.sources.simulator.settings import RANKERS, Settings
from scenerank.pipeline.sources.simulator.simulate import prepare
from scenerank.pipeline.sources.simulator.traffic import DAY_MS, depths
from scenerank.pipeline.sources.simulator.trips import Trips
from scenerank.pipeline.sources.simulator.truth import Memory, levels
from scenerank.schemas import load_declaration

TABLES = ("logs", "truth", "unbiased", "truth_unbiased")
FIRST, PROMOTED, LAST = "2024-03-01", "2024-03-02", "2024-03-03"
SMALL = {"days": 2, "scenarios": 5, "users": 300, "items": 60, "impressions_per_day": 1500}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory) -> str:
    path = str(tmp_path_factory.mktemp("simulated"))
    simulate(path, days=3, users=10000, items=1000, impressions_per_day=100000)
    return path


def frame(workspace: str, day: str, unbiased: bool = False) -> pd.DataFrame:
    """Log and truth side by side."""
    space = Workspace(workspace)
    log = read(space, "unbiased" if unbiased else "logs", day).to_pandas()
    truth = read(space, "truth_unbiased" if unbiased else "truth", day).to_pandas()
    assert (log[["request_id", "item_id"]] == truth[["request_id", "item_id"]]).all(axis=None)
    return pd.concat([log, truth.drop(columns=["request_id", "item_id"])], axis=1)


def digests(workspace: pathlib.Path) -> dict[str, str]:
    files = sorted(p for p in workspace.rglob("*") if p.is_file())
    return {str(p.relative_to(workspace)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


@pytest.mark.parametrize("ranker", RANKERS)
def test_same_seed_gives_same_bytes_and_another_seed_others(tmp_path, ranker):
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        simulate(str(tmp_path / name), seed=seed, ranker=ranker, **SMALL)
    first, second, other = (digests(tmp_path / name) for name in "abc")
    assert len(first) == 2 * len(TABLES) + 1
    assert first == second
    assert all(first[name] != other[name] for name in first)


@pytest.mark.parametrize("ranker", RANKERS)
def test_a_day_does_not_depend_on_how_many_follow(tmp_path, ranker):
    simulate(str(tmp_path / "short"), ranker=ranker, **SMALL)
    simulate(str(tmp_path / "long"), ranker=ranker, **{**SMALL, "days": 4})
    short, long = digests(tmp_path / "short"), digests(tmp_path / "long")
    assert all(long[name] == short[name] for name in short if name.endswith(".parquet"))


def test_a_day_is_replaced_as_a_whole(tmp_path):
    simulate(str(tmp_path), **SMALL)
    stray = tmp_path / "logs" / f"day={FIRST}" / "part-00007.parquet"
    stray.write_bytes(b"old")
    before = digests(tmp_path)
    simulate(str(tmp_path), **SMALL)
    del before[str(stray.relative_to(tmp_path))]
    assert digests(tmp_path) == before
    assert not list(tmp_path.rglob("_aside*"))
    assert Workspace(str(tmp_path)).log_days() == [FIRST, PROMOTED]


def test_files_have_the_declared_columns(workspace):
    flagged, plain = load_declaration("simulator_flagged"), load_declaration("simulator")
    for table in ("logs", "unbiased"):
        for path in pathlib.Path(workspace, table).rglob("*.parquet"):
            assert pq.read_schema(path).equals(flagged.log_schema)
    assert plain.columns == tuple(c for c in flagged.columns if c.name != "promoted")
    assert plain.history == flagged.history and plain.rates == flagged.rates


def test_a_declaration_need_not_name_all_columns_of_the_logs(workspace):
    for table in (read(Workspace(workspace), "logs", PROMOTED), read(Workspace(workspace), "unbiased", PROMOTED)):
        batch = table.combine_chunks().to_batches()[0]
        for name, names_flag in (("simulator", False), ("simulator_flagged", True)):
            checked = check(batch, load_declaration(name), PROMOTED, "", np.arange(batch.num_rows))
            assert (checked.good.num_rows, checked.bad.num_rows) == (batch.num_rows, 0)
            assert ("promoted" in checked.good.schema.names) == names_flag


@pytest.mark.parametrize("unbiased", [False, True])
def test_rows_satisfy_the_declaration(workspace, unbiased):
    rows = frame(workspace, PROMOTED, unbiased)
    assert len(rows) == 100000
    for column in load_declaration("simulator_flagged").columns:
        values = rows[column.name]
        assert not values.isna().any()
        if column.min is not None:
            assert values.min() >= column.min
        if column.max is not None:
            assert values.max() <= column.max
        if column.values is not None:
            assert set(values.unique()) <= set(column.values)
        if column.type == "string":
            assert values.str.len().between(1, column.max_length).all()


@pytest.mark.parametrize("unbiased", [False, True])
def test_rows_are_consistent(workspace, unbiased):
    rows = frame(workspace, PROMOTED, unbiased)
    midnight = pd.Timestamp(PROMOTED, tz="UTC").value // 10**6
    assert rows.time_ms.is_monotonic_increasing
    assert rows.time_ms.between(midnight, midnight + DAY_MS - 1).all()
    assert ((rows.time_ms - midnight) // 3_600_000 == rows.hour).all()
    assert (rows.is_purchase <= rows.is_click).all()
    assert rows.probability.between(0, 1, inclusive="neither").all()
    assert not rows.duplicated(["request_id", "item_id"]).any()
    requests = rows.groupby("request_id")
    of_request = ["user_id", "scenario_id", "time_ms", "lead_days", "stay_nights", "party_size", "purpose"]
    assert (requests[of_request].nunique() == 1).all(axis=None)
    expected = 0 if unbiased else requests.cumcount()
    assert (rows.position == expected).all()
    assert requests.size().between(1, 8).all()
    attributes = {"user_id": ["age_band", "home_region", "member_level"], "scenario_id": ["scenario_theme"]}
    attributes["item_id"] = ["category", "destination", "price"]
    for key, columns in attributes.items():
        assert (rows.groupby(key)[columns].nunique() == 1).all(axis=None)


def test_unbiased_rows_have_the_same_visits(workspace):
    keys = ["request_id", "time_ms", "user_id", "scenario_id", "purpose", "lead_days", "stay_nights", "party_size"]
    pd.testing.assert_frame_equal(frame(workspace, PROMOTED)[keys], frame(workspace, PROMOTED, True)[keys])


def test_twenty_scenarios_have_the_papers_shares_and_click_rates(workspace):
    rows = frame(workspace, FIRST)
    by_scenario = rows.groupby("scenario_id").agg(rows=("is_click", "size"), rate=("logged_probability", "mean"))
    assert list(by_scenario.index) == [f"s{i:02d}" for i in range(1, 21)]
    share = np.array(SHARES) / sum(SHARES)
    # Requests of about 6 impressions are drawn, so counts vary more than single impressions would.
    assert (np.abs(by_scenario.rows / len(rows) - share) < 5 * np.sqrt(6.5 * share / len(rows))).all()
    rate = np.array(CLICK_RATES) / 100
    spread_of_mean = rate * np.sqrt(2.5 / by_scenario.rows)
    assert (np.abs(by_scenario.rate - rate) < 0.15 * rate + 5 * spread_of_mean).all()
    assert np.corrcoef(by_scenario.rate, rate)[0, 1] > 0.97


@given(st.integers(1, 600))
@hypothesis_settings(max_examples=40, deadline=None)
def test_any_number_of_scenarios_is_spread_within_the_table(count):
    share, rate = spread(count)
    assert share.shape == rate.shape == (count,)
    assert share.sum() == pytest.approx(1)
    assert (share > 0).all()
    assert share.max() / share.min() <= 1.001 * max(SHARES) / min(SHARES)
    assert rate.min() >= min(CLICK_RATES) / 100
    assert rate.max() <= max(CLICK_RATES) / 100


def test_users_spread_over_scenarios_as_in_the_paper():
    settings = Settings(users=20000)
    breadth = Population.build(settings, Scenarios.build(settings)).breadth
    share = np.histogram(breadth, [1, 2, 4, 6, 8, 10, 21])[0] / len(breadth)
    expected = np.array(BREADTH_SHARES) / sum(BREADTH_SHARES)
    assert np.abs(share - expected).max() < 0.015


def test_users_visit_only_their_scenarios(workspace):
    population = prepare(Settings(users=10000, items=1000))[0].population
    allowed = set(zip(population.members.tolist(), population.member_of.tolist()))
    rows = frame(workspace, LAST)
    seen = set(zip(rows.user_id.str[1:].astype(int), rows.scenario_id.str[1:].astype(int) - 1))
    assert seen <= allowed


@pytest.mark.parametrize("unbiased", [False, True])
def test_truth_is_calibrated(workspace, unbiased):
    rows = pd.concat([frame(workspace, day, unbiased) for day in (FIRST, PROMOTED, LAST)])
    group = pd.qcut(rows.logged_probability, 10, labels=False)
    for part in [rows, *(rows[group == g] for g in range(10))]:
        assert_clicked(part, part.logged_probability)


def assert_clicked(rows: pd.DataFrame, probability: pd.Series) -> None:
    """As many rows were clicked as the probabilities say."""
    p = probability.to_numpy(float)
    assert abs(rows.is_click.sum() - p.sum()) < 4.5 * np.sqrt((p * (1 - p)).sum())


def test_click_rates_fall_with_the_place_as_attention_does(workspace):
    rows = frame(workspace, FIRST)
    for place in range(8):
        part = rows[rows.position == place]
        np.testing.assert_allclose(part.logged_probability, part.probability / (1 + place), rtol=1e-6)
        assert_clicked(part, part.probability / (1 + place))
    # good items sit on top, so places differ in more than attention
    worth = rows.groupby("position").probability.mean()
    assert worth[0] > 1.1 * worth[3] and worth[3] > worth[7]


@given(st.floats(0, 3))
def test_attention_falls_from_one(position_bias):
    seen = examined(np.arange(8), position_bias)
    assert seen.dtype == np.float32 and seen[0] == 1 and (seen > 0).all()
    assert (np.diff(seen) <= 0).all() and (position_bias < 1e-3 or (np.diff(seen) < 0).all())
    np.testing.assert_allclose(seen[3], seen[1] ** 2, rtol=1e-5)  # 1/4 is 1/2 squared


@pytest.mark.parametrize("position_bias", [0.0, 2.0])
def test_any_attention_leaves_the_scenarios_their_click_rates(tmp_path, position_bias):
    simulate(str(tmp_path), days=1, users=2000, items=500, scenarios=3, position_bias=position_bias)
    rows = frame(str(tmp_path), FIRST)
    rate = spread(3)[1]
    np.testing.assert_allclose(rows.groupby("scenario_id").logged_probability.mean(), rate, rtol=0.1)
    np.testing.assert_allclose(
        rows.logged_probability, rows.probability * (1.0 + rows.position) ** -position_bias, 1e-5
    )


def test_promoted_items_are_on_top_with_a_badge_that_lifts_clicks(workspace):
    rows = frame(workspace, PROMOTED)
    assert (rows.promoted == rows.boosted).all()
    pushed = rows.groupby("request_id").promoted.transform("sum")
    assert (rows.boosted == (rows.position < pushed)).all()
    assert rows[rows.boosted].position.nunique() > 2

    def odds(p: pd.Series) -> pd.Series:
        return p / (1 - p)

    found = odds(rows.logged_probability * (1 + rows.position)) / odds(rows.probability)
    np.testing.assert_allclose(found[rows.boosted], np.exp(0.57), rtol=1e-3)
    np.testing.assert_allclose(found[~rows.boosted], 1, rtol=1e-3)
    for part in (rows[rows.boosted], rows[~rows.boosted]):
        assert_clicked(part, part.logged_probability)


def test_a_promotion_keeps_the_order_of_the_others(workspace, tmp_path):
    simulate(str(tmp_path), days=2, users=10000, items=1000, promotion_strength=0)
    pushed, ordinary = frame(workspace, PROMOTED), frame(str(tmp_path), PROMOTED)
    others = pushed[~pushed.boosted]
    both = others.merge(ordinary, on=["request_id", "item_id"], suffixes=("", "_before"))
    assert len(both) == len(others)
    moved = pushed.groupby("request_id").boosted.sum().loc[both.request_id].to_numpy()
    assert (both.position == both.position_before + moved).all()


def test_unbiased_rows_are_at_the_reference(workspace):
    rows = frame(workspace, PROMOTED, unbiased=True)
    assert (rows.logged_probability == rows.probability).all()
    assert not rows[["position", "promoted", "boosted"]].any(axis=None)


@pytest.mark.parametrize("setting", ["position_bias", "badge_lift"])
def test_how_items_are_shown_changes_clicks_alone(tmp_path, setting):
    for name, value in (("some", 0.5), ("none", 0.0)):
        simulate(str(tmp_path / name), **SMALL, **{setting: value})
    some, none = (frame(str(tmp_path / name), FIRST) for name in ("some", "none"))
    columns = ["request_id", "user_id", "item_id", "position", "promoted"]
    pd.testing.assert_frame_equal(some[columns], none[columns])


def test_oracle_ranks_within_the_range_of_real_logs(workspace):
    result = oracle_auc(workspace, FIRST)
    assert 0.72 < result["overall"] < 0.80
    assert len(result) == 21
    large = [result[f"s{i + 1:02d}"] for i in range(20) if SHARES[i] > 3]
    assert 0.68 < min(large) < max(large) < 0.84
    assert 0.70 < oracle_auc(workspace, FIRST, unbiased=True)["overall"] < 0.85


def test_promotions_multiply_the_exposure_of_their_pairs(workspace, tmp_path):
    sizes = {"users": 10000, "items": 1000}
    simulate(str(tmp_path), days=2, impressions_per_day=100000, promotion_strength=0, **sizes)
    campaign = Campaign.of(Settings(**sizes), prepare(Settings(**sizes))[0].catalogue, 1)
    biased, ordinary = frame(workspace, PROMOTED), frame(str(tmp_path), PROMOTED)

    def shown(rows: pd.DataFrame) -> np.ndarray:
        return campaign.pairs[rows.scenario_id.str[1:].astype(int) - 1, rows.item_id.str[1:].astype(int)]

    assert (shown(biased) == biased.campaign).all()
    assert (biased.campaign | ~biased.boosted).all()
    ratio = biased.campaign.mean() / shown(ordinary).mean()
    assert ratio == pytest.approx(1 + 4.0 - campaign.push.mean(), rel=0.2)
    assert biased[biased.boosted].probability.mean() < biased[~biased.boosted].probability.mean()


def test_nothing_is_boosted_on_ordinary_days_or_with_strength_zero(workspace, tmp_path):
    simulate(str(tmp_path), promotion_strength=0, **SMALL)
    for path, day in ((workspace, FIRST), (str(tmp_path), FIRST), (str(tmp_path), PROMOTED)):
        rows = frame(path, day)
        assert not rows[["boosted", "promoted", "campaign"]].any(axis=None)
        np.testing.assert_allclose(rows.logged_probability, rows.probability / (1 + rows.position), rtol=1e-6)
    assert not frame(workspace, PROMOTED, unbiased=True)[["boosted", "promoted", "campaign"]].any(axis=None)


def test_a_promotion_changes_neither_visits_nor_unbiased_items(workspace, tmp_path):
    simulate(str(tmp_path), days=2, users=10000, items=1000, impressions_per_day=100000, promotion_strength=8)
    columns = ["request_id", "user_id", "scenario_id", "item_id"]
    strong, usual = frame(str(tmp_path), PROMOTED, True), frame(workspace, PROMOTED, True)
    pd.testing.assert_frame_equal(strong[columns], usual[columns])


def test_unbiased_exposure_is_uniform(workspace):
    rows = pd.concat([frame(workspace, day, True) for day in (FIRST, PROMOTED, LAST)])
    for part in (rows, rows.drop_duplicates("request_id"), rows[rows.scenario_id == "s08"]):
        count = part.item_id.value_counts().reindex([f"i{i:05d}" for i in range(1000)], fill_value=0)
        expected = len(part) / 1000
        chi_square = ((count - expected) ** 2 / expected).sum()
        assert abs(chi_square - 999) < 5 * np.sqrt(2 * 999)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.booleans()), min_size=1, max_size=200))
@hypothesis_settings(deadline=None)
def test_effects_of_one_key_are_smoothed_rates(rows):
    first, second, click = (np.array(column) for column in zip(*rows))
    (table,) = effects([(first, 5)], click)
    clicks, shown = np.bincount(first, click, 5), np.bincount(first, minlength=5)
    np.testing.assert_allclose(table, np.log((clicks + 10) / (shown * click.mean() + 10)), rtol=1e-5, atol=1e-6)
    both = effects([(first, 5), (second, 3)], click)
    assert both[0][4] == 0 and [len(t) for t in both] == [5, 3] and all(np.isfinite(t).all() for t in both)


def test_effects_are_told_apart():
    """Two factors that multiply, on keys that depend on one another."""
    rng, rows = np.random.default_rng(0), 400_000
    first = rng.integers(0, 4, rows)
    second = np.where(rng.random(rows) < 0.5, first, rng.integers(0, 4, rows))
    wanted = np.log([[0.5, 1.0, 1.5, 2.0], [2.0, 1.0, 0.5, 1.0]])
    click = rng.random(rows) < 0.05 * np.exp(wanted[0][first] + wanted[1][second])
    for table, effect in zip(effects([(first, 4), (second, 4)], click), wanted):
        assert np.corrcoef(table, effect)[0, 1] > 0.9


def test_a_logged_ranker_knows_the_days_before_alone(workspace, tmp_path):
    """The first day is the other ranker's; pages of later ones go on showing what was promoted before."""
    sizes = {"users": 10000, "items": 1000}
    for name, strength in (("free", 0), ("pushed", 8)):
        simulate(str(tmp_path / name), days=4, ranker="logged", promotion_strength=strength, **sizes)
    shown = ["request_id", "item_id", "position", "is_click"]
    pd.testing.assert_frame_equal(frame(str(tmp_path / "free"), FIRST)[shown], frame(workspace, FIRST)[shown])
    campaign = Campaign.of(Settings(**sizes), prepare(Settings(**sizes))[0].catalogue, 2)
    share = {}
    for name in ("free", "pushed"):
        rows = frame(str(tmp_path / name), "2024-03-04")
        assert not rows.promoted.any()
        worth = rows.groupby("position").probability.mean()
        assert worth[0] > 1.05 * worth[5]
        top = rows[rows.position == 0]
        of = campaign.pairs[top.scenario_id.str[1:].astype(int) - 1, top.item_id.str[1:].astype(int)]
        share[name] = of.mean()
    assert share["pushed"] > 1.2 * share["free"]


def test_search_forms_tell_purposes_apart_but_not_surely(workspace):
    """A table of what half of the users searched for and why, asked about the other half."""
    rows = frame(workspace, FIRST).drop_duplicates("request_id")
    share = rows.purpose.value_counts(normalize=True)
    assert set(share.index) == set(PURPOSES) and 0.4 < share["none"] < 0.6 and share.min() > 0.08
    form = (
        rows.lead_days.clip(upper=40) // 5 * 100 + rows.stay_nights.clip(upper=9) * 10 + rows.party_size.clip(upper=9)
    )
    known = rows.user_id.str[1:].astype(int) % 2 == 0
    table = rows[known].groupby(form[known]).purpose.agg(lambda purposes: purposes.mode()[0])
    guessed = form[~known].map(table).fillna("none")
    assert 0.6 < adjusted_rand_score(rows.purpose[~known], guessed) < 0.9


def test_a_trip_keeps_its_purpose_while_its_departure_comes_nearer():
    settings = Settings(users=4000)
    population = Population.build(settings, Scenarios.build(settings))
    trips = Trips.before_first_day(settings, population)
    planned, everybody = [], np.arange(4000)
    for day in range(8):
        trips, before = trips.next_day(settings.stream("trips", day), population), trips
        goes_on = before.left > 1
        assert (trips.left[goes_on] == before.left[goes_on] - 1).all()
        for column in ("purpose", "destination"):
            assert (getattr(trips, column)[goes_on] == getattr(before, column)[goes_on]).all()
        for mine, its in zip(trips.form.columns, before.form.columns):
            assert (mine[goes_on] == its[goes_on]).all()
        assert ((trips.purpose > 0) == (trips.left > 0)).all()
        form = trips.forms(settings.stream("forms", day), everybody)
        assert (form.lead >= 0).all() and (form.nights >= 1).all() and (form.party >= 1).all()
        as_opened = (form.lead == 1) & (form.nights == 1) & (form.party == 2)
        idle = trips.purpose == 0
        assert as_opened[idle].mean() > 0.9 and as_opened[~idle].mean() < 0.15
        planned.append((~idle).mean())
        for purpose in range(1, len(PURPOSES)):
            of = (trips.purpose == purpose) & ~as_opened
            error = form.lead[of] - (trips.form.lead + trips.left - 1)[of]
            assert abs(error.mean()) < 0.3 and error.std() < 2
    assert np.std(planned) < 0.03  # the platform opens as it goes on


def test_purposes_matter_for_clicks():
    """The same rows with nobody travelling: a part of the truth is gone, not most of it."""
    settings = Settings(users=10000, items=1000)
    world, trips = prepare(settings)
    rng, rows = np.random.default_rng(0), 50000
    user, item = rng.integers(0, 10000, rows), rng.integers(0, 1000, rows)
    idle = dataclasses.replace(trips, purpose=0 * trips.purpose)
    scenario, memory = np.zeros(rows, np.int32), Memory.empty(10000)
    truth, without = (world.utility(user, scenario, item, of, memory) for of in (trips, idle))
    assert 0.08 < np.var(truth - without) / np.var(truth) < 0.3
    assert (truth == without)[trips.purpose[user] == 0].all()


def test_users_repeat_purchases(tmp_path):
    simulate(str(tmp_path), days=6, users=300, items=60, scenarios=2, impressions_per_day=20000)
    rows = pd.concat([frame(str(tmp_path), day).assign(day=day) for day in Workspace(str(tmp_path)).log_days()])
    bought = rows[rows.is_purchase == 1].groupby(["user_id", "item_id"]).day.min().rename("first").reset_index()
    clicks = rows[rows.is_click == 1].merge(bought, how="left")
    before = clicks["first"] < clicks.day
    assert before.sum() > 100
    assert clicks[before].is_purchase.mean() > 2 * clicks[~before].is_purchase.mean()


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), max_size=40), st.integers(0, 40))
def test_memory_keeps_the_newest_events(events, cut):
    memory = Memory.empty(4)
    for part in (events[:cut], events[cut:]):
        user, item = np.array(part, np.int32).reshape(-1, 2).T
        every = np.ones(len(user), bool)
        memory = memory.after(user, item, every, every)
    for user in range(4):
        items = [-1] * 6 + [i for u, i in events if u == user]
        assert memory.clicked[user].tolist() == items[-6:]
        assert memory.bought[user].tolist() == items[-4:]


@given(st.integers(1, 5000), st.integers(0, 9))
def test_depths_add_up(impressions, seed):
    drawn = depths(np.random.default_rng(seed), impressions)
    assert drawn.sum() == impressions
    assert drawn.min() >= 1
    assert drawn.max() <= 8


def test_levels_reach_the_wanted_rates():
    rng = np.random.default_rng(0)
    scenario = np.repeat(np.arange(3, dtype=np.int32), 500)
    utility = rng.standard_normal(1500).astype(np.float32) * 2
    wanted = np.array([0.01, 0.09, 0.5])
    seen = rng.uniform(0.5, 1, 1500).astype(np.float32)
    p = seen / (1 + np.exp(-(levels(scenario, utility, seen, wanted)[scenario] + utility)))
    np.testing.assert_allclose(np.bincount(scenario, p) / 500, wanted, rtol=1e-4)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 4)), min_size=1, max_size=30))
def test_auc_counts_pairs(rows):
    label, score = (np.array(column) for column in zip(*rows))
    difference = score[label][:, None] - score[~label]
    expected = np.nan if difference.size == 0 else ((difference > 0) + 0.5 * (difference == 0)).mean()
    np.testing.assert_allclose(auc(label, score.astype(float)), expected)


@pytest.mark.parametrize(
    "sizes",
    [
        {"scenarios": 1},
        {"scenarios": 500, "users": 40},
        {"users": 1, "impressions_per_day": 1},
        {"items": 50, "promotion_strength": 100.0},
        {"position_bias": 3.0, "badge_lift": 5.0},
        {"ranker": "logged", "impressions_per_day": 1},
        {"ranker": "logged", "scenarios": 500, "users": 40},
    ],
)
def test_extreme_worlds_are_simulated(tmp_path, sizes):
    sizes = {**SMALL, **sizes}
    simulate(str(tmp_path), **sizes)
    for unbiased in (False, True):
        rows = frame(str(tmp_path), PROMOTED, unbiased)
        assert len(rows) == sizes["impressions_per_day"]
        assert not rows.duplicated(["request_id", "item_id"]).any()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("days", 0),
        ("scenarios", 0),
        ("users", -1),
        ("users", 2.5),
        ("items", 49),
        ("impressions_per_day", 0),
        ("seed", -1),
        ("promotion_strength", -0.5),
        ("promotion_strength", float("nan")),
        ("position_bias", 3.5),
        ("position_bias", True),
        ("badge_lift", -0.1),
        ("badge_lift", "much"),
        ("ranker", "best"),
        ("start_day", "1 March"),
        ("start_day", "1969-12-31"),
        ("start_day", "9999-12-31"),
    ],
)
def test_bad_arguments_are_refused_in_one_sentence(tmp_path, name, value):
    with pytest.raises(ConfigurationError, match=f"^{name} must [^\n]*$"):
        simulate(str(tmp_path / "w"), **{name: value})
    assert not (tmp_path / "w").exists()


def test_progress_is_told(tmp_path):
    heard = []
    simulate(str(tmp_path), progress=lambda message, fraction: heard.append((message, fraction)), **SMALL)
    assert [round(fraction, 3) for _, fraction in heard] == [0.333, 0.667, 1.0]
    assert heard[-1][0] == f"simulated {PROMOTED}"


def test_reading_a_day_that_was_not_simulated(tmp_path):
    with pytest.raises(WorkspaceError, match="simulate the day first"):
        oracle_auc(str(tmp_path), FIRST)
