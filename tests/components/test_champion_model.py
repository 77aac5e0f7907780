"""ChampionModel: the best version of the last weeks, or nothing."""

import json
import pathlib

import pytest
from tfx.types.standard_artifacts import Model

from scenerank.components.champion_model.champion import champion
from scenerank.components.champion_model.component import ChampionModel
from scenerank.components.workspace import Workspace, shift, version
from tests.components.small_days import fill

FIRST, DAYS = "2024-03-01", 28


def push(workspace, place, gain, columns="same", error=None):
    """The version of a day whose AUC was `gain` above that of the one before."""
    number = version(shift(FIRST, place), 1)
    metrics = {"": {"candidate": {"auc": 0.7 + gain}, "served": {"auc": 0.7, "gap_error": error}}}
    if not place:
        del metrics[""]["served"]
    folder = pathlib.Path(workspace.root)
    fill(folder / "models" / str(number), saved_model__pb=str(number))
    fill(folder / "models" / str(number) / "assets.extra", lineage__json=json.dumps({"metrics": metrics}))
    made_of = {"trainer.model": str(place), "column 'hour'": columns}
    lineage = {"day": FIRST, "mode": "full", "reason": "", "base": None, "full_day": FIRST, "days": [], "learned": []}
    fill(folder / "checkpoints" / str(number), lineage__json=json.dumps(lineage | {"made_of": made_of}))
    return number


@pytest.fixture
def workspace(tmp_path):
    return Workspace(str(tmp_path / "w"))


def found(workspace, place, days=DAYS):
    return champion(workspace, shift(FIRST, place), days)


def test_nothing_is_in_service(workspace):
    assert found(workspace, 0) is None


def test_small_falls_add_up(workspace):
    versions = [push(workspace, place, gain) for place, gain in enumerate((0, 0.004, -0.001, 0.0005, -0.001))]
    assert found(workspace, 1) is None
    assert found(workspace, 2) is None  # the one in service is the best
    assert found(workspace, 3) == found(workspace, 5) == versions[1]
    assert found(workspace, 5, days=3) == versions[3]  # of the last three days
    assert found(workspace, 5, days=0) is None
    workspace.write_release({"withdrawn": [versions[1]], "canary": None, "actions": []})
    assert found(workspace, 4) == versions[0]


def test_luck_makes_no_champion(workspace):
    """A version is better when it is so beyond chance: the highest of many equal ones has been lucky."""
    first, *others = (
        push(workspace, place, gain, error=0.001) for place, gain in enumerate((0, 0.001, -0.001, 0.0012))
    )
    assert found(workspace, 2) == found(workspace, 4) == first
    push(workspace, 4, 0.003, error=0.001)
    assert found(workspace, 5) is None


def test_a_version_that_reads_other_columns_is_none(workspace):
    push(workspace, 0, 0, columns="others")
    push(workspace, 1, -0.005)
    assert found(workspace, 2) is None


@pytest.mark.parametrize(
    ("fall", "files"), [(0.001, ["Format-Serving/saved_model.pb", "version.json"]), (-0.001, ["version.json"])]
)
def test_it_lies_in_an_artifact(workspace, tmp_path, fall, files):
    best = push(workspace, 0, 0)
    push(workspace, 1, -fall)
    model = Model()
    model.uri = str(tmp_path / "model")
    ChampionModel.test_call(model=model, workspace=workspace.root, day=shift(FIRST, 2), days=DAYS)
    lying = sorted(str(p.relative_to(model.uri)) for p in pathlib.Path(model.uri).rglob("*") if p.is_file())
    assert [name for name in lying if "assets.extra" not in name] == files
    said = json.loads(pathlib.Path(model.uri, "version.json").read_text())
    assert said == {"version": best if fall > 0 else None}
