"""A day that failed goes on where it ended, and only if nothing that it read has changed."""

from __future__ import annotations

import pytest

from scenerank.components.pusher.releases import release
from scenerank.errors import ExitCode
from scenerank.pipeline.config import load_config
from scenerank.pipeline.daily.resume import Resumed
from tests.pipeline.killed_runs import run
from tests.pipeline.small_world import DAY, FIRST, SECOND, changed

pytestmark = pytest.mark.slow

EVALUATOR = {"component": "Evaluator", "function": "scenerank.components.scoring:Scorer.__call__", "call": 1}


@pytest.fixture
def failed(world):
    """A world whose third day was killed in the Evaluator."""
    assert run(world.workspace.root, world.config, DAY, moment="before", **EVALUATOR) < 0
    return world


def record(world):
    return world.workspace.read_json(world.workspace.uri("reports", f"day={DAY}", "run.json"))


def run_again(world, *more):
    answer = world.run("--day", DAY, *more)
    assert answer.code == ExitCode.DONE, answer.text
    return record(world)


@pytest.fixture(scope="module")
def whole(base, tmp_path_factory):
    """The same day, left alone."""
    world = base.copy(tmp_path_factory.mktemp("whole") / "world")
    run_again(world)
    return world


def test_it_goes_on_in_the_evaluator_and_ends_as_one_left_alone(failed, whole, capfd):
    published = failed.workspace.day("examples", DAY)
    told = run_again(failed)
    assert told["resumed"] and "--no-resume does" in capfd.readouterr().out
    assert failed.workspace.day("examples", DAY) == published
    assert told["metrics"] == record(whole)["metrics"]
    assert failed.published(FIRST, SECOND, DAY).keys() == whole.published(FIRST, SECOND, DAY).keys()
    alone = record(whole)
    assert told["seconds"].keys() == alone["seconds"].keys()
    done = {name for name in told["seconds"] if told["seconds"][name] < 0.1 * alone["seconds"][name]}
    assert {"LogExampleGen", "StatisticsGen", "FairnessCoefficient", "Transform", "Trainer"} <= done
    assert "Evaluator" not in done
    again = run_again(failed)  # that run ended well: nothing to go on with
    assert not again["resumed"] and failed.workspace.day("examples", DAY) != published


def late_click(world):
    world.write(changed(world.rows(), "is_click", 1, slice(0, 1)))


def late_click_before(world):
    world.write(changed(world.rows(FIRST), "is_click", 1, slice(0, 40)), FIRST)


def rolled_back(world):
    known = release(world.workspace)
    world.workspace.write_release({**world.workspace.release(), "withdrawn": [known.stable]})


def day_published_anew(world):
    world.workspace.publish("examples", SECOND, world.workspace.day("examples", SECOND))


def own_day_published_by_another(world):
    world.workspace.publish("examples", DAY, world.workspace.day("examples", SECOND))


@pytest.mark.parametrize(
    "change", [late_click, late_click_before, rolled_back, day_published_anew, own_day_published_by_another]
)
def test_what_changed_since_is_run_again(world, change):
    config = load_config(world.config)
    begun = Resumed(config, world.workspace, DAY)
    assert not begun.goes_on
    world.workspace.publish("fairness", DAY, world.workspace.day("fairness", SECOND))
    begun.published(DAY)
    again = Resumed(config, world.workspace, DAY)
    assert again.goes_on and again.name == begun.name
    change(world)
    after = Resumed(config, world.workspace, DAY)
    assert not after.goes_on and after.name != begun.name


def test_a_run_that_ended_well_or_is_not_wanted_is_not_gone_on_with(world):
    config = load_config(world.config)
    begun = Resumed(config, world.workspace, DAY)
    assert not Resumed(config, world.workspace, DAY, fresh=True).goes_on
    again = Resumed(config, world.workspace, DAY)
    assert again.goes_on and again.name != begun.name
    again.ended()
    assert not Resumed(config, world.workspace, DAY).goes_on


def test_other_settings_run_only_what_they_are_of(failed):
    told = run_again(failed, "--set", "trainer.epochs_without_validation=1")
    assert told["resumed"] and len(told["history"]["epochs"]) == 1
    assert told["seconds"]["LogExampleGen"] < 0.5 < told["seconds"]["Trainer"]
