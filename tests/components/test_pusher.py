import os

import pytest

from scenerank.components.pusher.digests import digest
from scenerank.components.pusher.push import push
from scenerank.components.records.release import ModelLineage
from scenerank.components.workspace import Workspace


@pytest.fixture
def model(tmp_path):
    for folder, name, text in (("model", "saved_model.pb", "graph"), ("weights", "weights.npz", "w1")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_text(text)
    return tmp_path


def push_it(model, day="2022-05-05"):
    workspace = Workspace(str(model / "workspace"))
    weights = str(model / "weights")
    return workspace, push(workspace, day, str(model / "model"), weights, digest(weights), ModelLineage(day=day))


def test_version_is_the_date(model):
    workspace, (version, new) = push_it(model)
    assert (version, new) == (2022050501, True)
    assert workspace.served() == version
    assert os.path.exists(f"{workspace.model(version)}/saved_model.pb")
    assert os.path.exists(f"{workspace.checkpoint(version)}/weights.npz")
    assert workspace.read_json(f"{workspace.model(version)}/assets.extra/lineage.json")["version"] == version


def test_same_model_is_not_pushed_twice(model):
    push_it(model)
    _, (version, new) = push_it(model)
    assert (version, new) == (2022050501, False)


def test_changed_model_is_another_attempt(model):
    push_it(model)
    (model / "weights" / "weights.npz").write_text("w2")
    workspace, (version, new) = push_it(model)
    assert (version, new) == (2022050502, True)
    assert workspace.versions() == [2022050501, 2022050502]


def test_served_before_a_day_ignores_that_day(model):
    push_it(model, "2022-05-04")
    workspace, _ = push_it(model, "2022-05-05")
    assert workspace.served(before="2022-05-05") == 2022050401
    assert workspace.served(before="2022-05-04") is None


def test_a_kill_in_mid_copy_leaves_nothing_to_load(model, monkeypatch):
    workspace = Workspace(str(model / "workspace"))
    copy = Workspace.copy

    def dies(self, source, target):
        copy(self, source, target)
        if "aside" in target:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Workspace, "copy", dies)
        push_it(model)
    assert workspace.versions() == []
    _, (version, new) = push_it(model)
    assert (version, new) == (2022050501, True)
