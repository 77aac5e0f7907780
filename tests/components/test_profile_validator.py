"""ProfileValidator: which days it finds unlike the usual ones, and what it says of them."""

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenerank.components.artifacts import DayFindings, DayProfile
from scenerank.components.day_profile.tally import Tally
from scenerank.components.profile_validator.component import ProfileValidator
from scenerank.components.profile_validator.rules import findings
from scenerank.components.profile_validator.settings import ProfileLimits
from scenerank.components.profile_validator.usual import measured, usuals
from scenerank.components.records.profile import Findings, Profile
from scenerank.components.records.verdict import DayVerdict
from scenerank.components.workspace import Workspace, shift
from tests.components.ingestion import DAY_MS, START, declare

FIRST, LIMITS = "2024-03-04", ProfileLimits()
TODAY = shift(FIRST, 8)


def rows(seed, count=20_000, pages=(0.6, 0.3, 0.1), rate=0.05, days=1.0, missing=0.3, renamed="", unit=1.0):
    """A day of a platform with long tails; pages of ten rows a user."""
    rng = np.random.default_rng(seed)
    user = np.repeat((2000 * rng.random(-(-count // 10)) ** 2).astype(int), 10)[:count]
    item = (500 * rng.random(count) ** 2).astype(int)
    hour = np.repeat(rng.random(len(user) // 10 + 1), 10)[:count]
    scene = rng.choice(len(pages), count, p=np.array(pages) / sum(pages))
    price = np.exp(np.random.default_rng(0).normal(5, 1.2, 500))[item] * unit
    return {
        "time_ms": pa.array((START + hour * days * DAY_MS).astype(np.int64)),
        "scene": pa.array([f"scene_{i}" for i in scene]),
        "user": pa.array([f"u{i}" for i in user]),
        "age": pa.array(np.full(count, 30)),
        "item": pa.array([f"{renamed}i{i}" for i in item]),
        "price": pa.array(price.astype(np.float32), mask=rng.random(count) < missing),
        "note": pa.array(["n"] * count),
        "click": pa.array((rng.random(count) < rate * (1 + (scene == 1))).astype(np.int64)),
        "buy": pa.array(np.zeros(count, np.int64)),
    }


def profile(seed, day="", **changes):
    return Tally.of(pa.RecordBatch.from_pydict(rows(seed, **changes)), declare()).profile(day or shift(FIRST, seed))


def told(today, before, limits=LIMITS, accepted=()):
    *days, day = measured([*before, today])
    return {f.measure: f.description for f in findings(day, usuals(today.day, days, accepted), limits)}


@pytest.fixture(scope="module")
def week():
    return [profile(seed) for seed in range(8)]


SANE = {
    "alike": {},
    "two thirds": {"count": 13_000},
    "a half more": {"count": 30_000},
    "more clicks": {"rate": 0.08},
    "another mix": {"pages": (0.45, 0.35, 0.2)},
    "a new page": {"pages": (0.55, 0.25, 0.1, 0.1)},
    "a little dearer": {"unit": 1.3},
}


@pytest.mark.parametrize("changes", SANE.values(), ids=SANE)
def test_a_sane_day_passes(week, changes):
    assert told(profile(99, TODAY, **changes), week) == {}


INSANE = {
    "a tenth": ({"count": 2_000}, {"rows"}, "2,000 rows where the median of 8 days before has 20,000"),
    "thrice": ({"count": 60_000}, {"rows"}, "10,000 to 40,000 are usual; set checks.rows_factor"),
    "three hours": ({"days": 0.124}, {"hours"}, "3 hours, 0 to 2, have rows"),
    "no clicks": ({"rate": 0.004}, {"click rate"}, "set checks.click_rate_factor higher"),
    "cents": ({"unit": 100.0}, {"price"}, "set checks.number_factor higher"),
    "hundreds": ({"unit": 0.01}, {"price"}, "set checks.number_factor higher"),
    "renamed": ({"renamed": "x"}, {"unseen item"}, "100.0% of them were on no day before"),
    "a column lost": ({"missing": 0.9}, {"missing values of price"}, "set checks.missing_margin higher"),
    "a page lost": ({"pages": (0.6, 0.0, 0.1)}, {"rows of scenario scene_1"}, "0 of 20,000 rows"),
}


@pytest.mark.parametrize(("changes", "measures", "words"), INSANE.values(), ids=INSANE)
def test_an_insane_day_is_told(week, changes, measures, words):
    found = told(profile(99, TODAY, **changes), week)
    assert measures <= set(found)
    assert set(found) - measures <= {"click rate"}  # a lost page takes its clicks with it
    assert words in found[min(measures)]


def test_clicks_lost_on_one_page_are_told_of_it(week):
    today = rows(99)
    lost = pa.array(np.where(np.array(today["scene"].to_pylist()) == "scene_2", 0, today["click"].to_numpy()))
    found = Tally.of(pa.RecordBatch.from_pydict({**today, "click": lost}), declare()).profile(TODAY)
    assert set(told(found, week)) == {"click rate of scenario scene_2"}


def test_a_page_too_small_to_judge_may_go(week):
    assert told(profile(99, TODAY, pages=(0.6, 0.3, 0.0)), week, ProfileLimits(scenario_share=0.2)) == {}


@pytest.mark.parametrize("count", [1, 5, 20, 100, 600])
def test_small_days_pass_each_other(count):
    days = [profile(seed, count=count) for seed in range(30)]
    assert [told(days[i], days[i - 7 : i]) for i in range(7, 30)] == [{}] * 23


def test_the_same_weekday_is_usual_too(week):
    """Weekends of a third: the first is unusual, the next is not."""
    weekend = profile(98, TODAY, count=6_000)
    assert set(told(weekend, week)) == {"rows"}
    before = [*week[1:], weekend, *(profile(seed, shift(TODAY, seed - 29)) for seed in range(30, 36))]
    assert told(profile(97, shift(TODAY, 7), count=6_100), before) == {}
    assert set(told(profile(97, shift(TODAY, 8), count=6_100), before)) == {"rows"}


def test_an_accepted_day_is_usual_too(week):
    changed = profile(98, TODAY, unit=100.0)
    after = profile(97, shift(TODAY, 1), unit=100.0)
    assert set(told(after, [*week, changed])) == {"price"}
    assert told(after, [*week, changed], accepted=[TODAY]) == {}
    assert told(profile(97, shift(TODAY, 1)), [*week, changed], accepted=[TODAY]) == {}


def test_limits_are_what_the_settings_say(week):
    today = profile(99, TODAY, count=2_000)
    assert told(today, week, ProfileLimits(rows_factor=11)) == {}
    assert set(told(profile(99, TODAY, count=13_000), week, ProfileLimits(rows_factor=1.2))) == {"rows"}


@given(st.integers(0, 1_000), st.integers(1, 400), st.floats(0, 0.5), st.floats(0, 1))
@settings(max_examples=25, deadline=None)
def test_a_day_like_all_before_passes_whatever_it_is(seed, count, rate, missing):
    day = profile(seed, FIRST, count=count, rate=rate, missing=missing)
    same = [day.model_copy(update={"day": shift(FIRST, place)}) for place in range(4)]
    assert told(same[-1], same[:-1], ProfileLimits(noise=0)) == {}


def test_days_without_what_is_compared_pass(week):
    bare = Profile(day=TODAY, rows=20_000, clicks=1_200)
    assert told(bare, week).keys() <= {f"rows of scenario scene_{i}" for i in range(3)}
    assert told(profile(99, TODAY), [Profile(day=one.day, rows=20_000, clicks=1_300) for one in week]) == {}


def publish(workspace, folder, one, accepted=""):
    one.write(str(folder / one.day))
    DayVerdict(passed=True, accepted=accepted).write(str(folder / one.day))
    workspace.publish("examples", one.day, str(folder / one.day))


def validate(workspace, folder, today, **limits):
    artifacts = DayProfile(), DayFindings()
    for artifact, name in zip(artifacts, ("profile", "findings")):
        artifact.uri = str(folder / "artifacts" / name)
    today.write(artifacts[0].uri)
    ProfileValidator.test_call(
        profile=artifacts[0], findings=artifacts[1], workspace=workspace.root, limits=json.dumps(limits)
    )
    return Findings.read(artifacts[1].uri)


def test_the_component_compares_with_what_is_published(week, tmp_path):
    workspace = Workspace(str(tmp_path / "w"))
    today = profile(99, TODAY, unit=100.0)
    (tmp_path / "old").mkdir()
    workspace.publish("examples", shift(FIRST, -1), str(tmp_path / "old"))  # of a version without profiles
    for one in week[:2]:
        publish(workspace, tmp_path, one)
    found = validate(workspace, tmp_path, today)
    assert found.findings == [] and "2 of the days before have a profile, checks.least_days asks for 3" in found.note
    publish(workspace, tmp_path, week[2])
    publish(workspace, tmp_path, profile(50, shift(TODAY, 1)))  # later: does not count
    found = validate(workspace, tmp_path, today)
    assert [f.measure for f in found.findings] == ["price"] and found.note == ""
    assert found.compared == [one.day for one in week[:3]]
    assert validate(workspace, tmp_path, today, usual_days=2).note
    assert [f.measure for f in validate(workspace, tmp_path, today, usual_days=2, least_days=2).findings] == ["price"]


def test_the_component_knows_what_was_accepted(week, tmp_path):
    workspace = Workspace(str(tmp_path / "w"))
    for one in week[:5]:
        publish(workspace, tmp_path, one)
    changed = profile(60, week[5].day, unit=100.0)
    publish(workspace, tmp_path, changed)
    today = profile(99, TODAY, unit=100.0)
    assert validate(workspace, tmp_path, today).findings
    publish(workspace, tmp_path, changed, accepted="prices are in cents now")
    assert validate(workspace, tmp_path, today).findings == []
