"""ServedModel: the version in service, or nothing."""

import json
import pathlib

import pytest
from tfx.types.standard_artifacts import Model

from scenerank.components.served_model.component import ServedModel
from scenerank.components.workspace import Workspace
from scenerank.errors import WorkspaceError
from tests.components.small_days import fill


def serve(workspace, version, weights=True):
    folder = f"{workspace.root}/models/{version}"
    fill(pathlib.Path(folder), saved_model__pb=str(version))
    fill(pathlib.Path(f"{folder}/variables"), data="v")
    if weights:
        fill(pathlib.Path(f"{workspace.root}/checkpoints/{version}"), weights__npz=str(version))


def run(workspace, day, folder):
    model = Model()
    model.uri = str(folder)
    ServedModel.test_call(model=model, workspace=workspace.root, day=day)
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_nothing_in_service(tmp_path):
    assert run(Workspace(str(tmp_path / "w")), "2024-03-02", tmp_path / "model") == ["version.json"]
    assert json.loads((tmp_path / "model" / "version.json").read_text()) == {"version": None}


def test_the_highest_version_of_an_earlier_day(tmp_path):
    workspace = Workspace(str(tmp_path / "w"))
    for version in (2024030101, 2024030102, 2024030201, 2024030301):
        serve(workspace, version)
    files = run(workspace, "2024-03-02", tmp_path / "model")
    assert files == [
        "Format-Serving/saved_model.pb",
        "Format-Serving/variables/data",
        "Format-Training/weights.npz",
        "version.json",
    ]
    assert (tmp_path / "model" / "Format-Serving" / "saved_model.pb").read_text() == "2024030102"
    assert (tmp_path / "model" / "Format-Training" / "weights.npz").read_text() == "2024030102"
    assert json.loads((tmp_path / "model" / "version.json").read_text()) == {"version": 2024030102}


def test_half_a_version_is_refused_by_name(tmp_path):
    workspace = Workspace(str(tmp_path / "w"))
    serve(workspace, 2024030101, weights=False)
    with pytest.raises(WorkspaceError, match="checkpoints/2024030101 is missing"):
        run(workspace, "2024-03-02", tmp_path / "model")
    fill(tmp_path / "w" / "models" / "2024030102", readme="no model")
    with pytest.raises(WorkspaceError, match="2024030102 has no saved_model.pb"):
        run(workspace, "2024-03-02", tmp_path / "again")
