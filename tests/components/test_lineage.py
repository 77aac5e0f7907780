"""Whether a day's training goes on or starts over."""

from __future__ import annotations

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenerank.components.trainer.checkpoint.lineage import Lineage, Plan, made_of, plan
from scenerank.components.trainer.settings import TrainerSettings
from scenerank.components.workspace import shift
from scenerank.schemas import Declaration
from scenerank.schemas.bias import DebiasSettings
from scenerank.schemas.features import feature_set
from tests.components import tiny

ON = TrainerSettings(mode="incremental", full_every=7, refit_validation=False)
SAME = {"trainer.model": "a", "column 'item'": "b"}
DAY = "2024-03-05"
SPLITS = {"train": ["2024-03-01", "2024-03-02", "2024-03-03"], "validation": ["2024-03-04"]}


def served(learned: list[str], full_day: str = "2024-03-03") -> Lineage:
    return Lineage("2024-03-04", "incremental", "", 1, full_day, tuple(learned[-1:]), tuple(learned), SAME)


def chosen(before: Lineage | None, settings: TrainerSettings = ON, day: str = DAY, **changes) -> Plan:
    given = {"splits": SPLITS, "served": before is not None, "resumable": before is not None, "made_of": SAME}
    return plan(settings, day, before=before, **{**given, **changes})


def test_only_days_that_were_not_learned_are_in_time_order():
    assert chosen(served(["2024-03-02"])) == Plan("incremental", "", ("2024-03-01", "2024-03-03", "2024-03-04"))
    # the day that the full training held out was not learned from; a day that failed the gate neither
    assert chosen(served(["2024-03-01", "2024-03-02"])).days == ("2024-03-03", "2024-03-04")


@pytest.mark.parametrize(
    ("before", "changes", "reason"),
    [
        (None, {}, "no model is in service"),
        (None, {"served": True}, "the model in service was kept without its optimizer's state"),
        (served(["2024-03-03"]), {"resumable": False}, "the model in service was kept without its optimizer's state"),
        (
            served(["2024-03-03"]),
            {"made_of": {**SAME, "column 'item'": "c"}},
            "column 'item' is not what the model in service was trained with",
        ),
        (
            served(["2024-03-03"]),
            {"made_of": {"trainer.model": "a"}},
            "column 'item' is not what the model in service was trained with",
        ),
        (
            served(["2024-03-03"], full_day="2024-02-27"),
            {},
            "the last full training was 7 days ago, on 2024-02-27",
        ),
        (
            served(["2024-02-27", "2024-02-28"]),
            {},
            "the model in service ends with 2024-02-28, and the window begins with 2024-03-01",
        ),
        (
            served(["2024-03-01", "2024-03-02", "2024-03-03", "2024-03-04"]),
            {},
            "the model in service has learned from all days of the window",
        ),
    ],
)
def test_a_full_training_says_why(before, changes, reason):
    assert chosen(before, **changes) == Plan("full", reason, tuple(SPLITS["train"]))


def test_a_full_training_learns_the_days_held_out_where_it_refits():
    assert chosen(None, ON.model_copy(update={"refit_validation": True})).days[-1] == "2024-03-04"
    assert chosen(None, TrainerSettings(mode="full")).reason == ""
    assert chosen(served(["2024-03-03"]), TrainerSettings(mode="full")).mode == "full"


@given(st.integers(1, 12), st.integers(1, 9), st.lists(st.booleans(), min_size=20, max_size=20))
def test_over_many_days_every_day_is_learned_once(window_days: int, full_every: int, pushed: list[bool]):
    """Whatever runs fail the gate: between two full trainings no day is learned twice or left out."""
    settings = TrainerSettings(mode="incremental", full_every=full_every)
    first, before = "2024-03-01", None
    for number, blessed in enumerate(pushed, start=1):
        day = shift(first, number)
        days = [shift(first, n) for n in range(max(0, number - window_days), number)]
        found = plan(settings, day, {"train": days}, before is not None, before, before is not None, SAME)
        lineage = found.lineage(day, before and 1, before, SAME)
        assert found.days == tuple(sorted(set(found.days))) and found.days[-1] == shift(day, -1)
        if found.mode == "incremental":
            assert before is not None and not set(found.days) & set(before.learned)
            assert lineage.full_day == before.full_day and lineage.learned == (*before.learned, *found.days)
        else:
            assert found.reason and lineage.full_day == day and lineage.learned == tuple(days)
        learned = [*lineage.learned]
        assert learned == [shift(learned[0], n) for n in range(len(learned))]
        assert (shift(lineage.full_day, full_every)) > day
        before = lineage if blessed else before


def test_lineage_is_read_as_it_was_written(tmp_path):
    lineage = served(["2024-03-02", "2024-03-03"])
    lineage.write(str(tmp_path))
    assert Lineage.read(str(tmp_path)) == lineage
    assert Lineage.read(str(tmp_path / "nothing")) is None
    assert "made_of" not in lineage.summary() and lineage.summary()["learned"] == ("2024-03-02", "2024-03-03")


# what has to be the same


SETTINGS = TrainerSettings(model_settings=tiny.SMALL)
SIZES = {"scenario": 3, "level": 5, "brand": 8}


def parts(settings: TrainerSettings = SETTINGS, sizes: dict[str, int] = SIZES, **columns: dict) -> dict[str, str]:
    told = tiny.DECLARATION.model_dump()
    for column in told["columns"]:
        column.update(columns.get(column["name"], {}))
    declaration = Declaration.model_validate(told)
    return made_of(settings, declaration, feature_set(declaration, sizes))


def changed(**changes) -> set[str]:
    one, other = parts(), parts(**changes)
    return {name for name in {*one, *other} if one.get(name) != other.get(name)}


def test_vocabularies_may_grow_and_descriptions_change():
    assert not changed(sizes={"scenario": 4, "level": 5, "brand": 3})
    assert not changed(item={"description": "what is shown"}, mass={"max": 9.0})
    assert not changed(settings=SETTINGS.model_copy(update={"batch_size": 7, "strategy": "mirrored"}))


def test_what_weights_mean_may_not():
    assert changed(item={"encoding": {"kind": "hash", "size": 64}}) == {"column 'item'", "the set of features"}
    assert changed(mass={"encoding": {"kind": "numeric", "log": False}}) == {"column 'mass'"}
    assert changed(level={"encoding": None}) == {"column 'level'", "the set of features"}
    wider = {**tiny.SMALL, "embedding": {"dim": 8}}
    assert changed(settings=SETTINGS.model_copy(update={"model_settings": wider})) == {"trainer.model_settings"}
    assert changed(settings=SETTINGS.model_copy(update={"debias": DebiasSettings(nets=True)})) == {"trainer.debias"}
    assert changed(shelf={"reference": 1}) == {"the set of features"}
    assert "trainer.model" in changed(settings=TrainerSettings(model="shared_bottom"))
    # what was only said in other words is the same
    said = {**tiny.SMALL, "activation": "relu"}
    assert not changed(settings=SETTINGS.model_copy(update={"model_settings": said}))


def test_parameter_servers_are_refused():
    with pytest.raises(pydantic.ValidationError, match="choose mode full or another strategy"):
        TrainerSettings(mode="incremental", strategy="parameter_server")
