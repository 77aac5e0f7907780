"""Rolling back, promoting and retiring versions."""

import datetime
import os
import threading

import pytest

from scenerank.components.pusher.digests import damage, digest
from scenerank.components.pusher.push import push
from scenerank.components.pusher.releases import hold, locked, promote, release, resume, retire, rollback
from scenerank.components.records.release import ModelLineage
from scenerank.components.workspace import Workspace
from scenerank.errors import ReleaseError

DAYS = [f"2022-05-0{day}" for day in range(1, 6)]
V = [int(day.replace("-", "")) * 100 + 1 for day in DAYS]


@pytest.fixture
def workspace(tmp_path):
    """Five days' versions, all in the usual way."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "saved_model.pb").write_text("graph")
    (tmp_path / "weights").mkdir()
    found = Workspace(str(tmp_path / "workspace"))
    for day in DAYS:
        push_day(found, day)
    return found


def push_day(workspace, day, canary=False, base=None):
    folder = os.path.dirname(workspace.root)
    with open(f"{folder}/weights/weights.npz", "w") as stream:
        stream.write(day)
    weights = f"{folder}/weights"
    lineage = ModelLineage(day=day, training={"base": base})
    push(workspace, day, f"{folder}/model", weights, digest(weights), lineage, canary)
    return release(workspace)


def test_the_newest_serves_and_nothing_is_recorded(workspace):
    assert release(workspace).serving == {"stable": V[4]}
    assert release(workspace).previous == V[3]
    assert not workspace.exists(workspace.uri("serving"))


def test_rollback_withdraws_what_is_newer(workspace):
    assert rollback(workspace).stable == V[3]
    assert rollback(workspace, V[1]).stable == V[1]
    assert release(workspace).withdrawn == (V[2], V[3], V[4])
    assert [action["action"] for action in workspace.release()["actions"]] == ["rollback"] * 2
    assert workspace.release()["actions"][-1] | {"time": ""} == {
        "time": "", "action": "rollback", "version": V[1], "before": V[3], "after": V[1],
    }  # fmt: skip
    assert workspace.served(before=DAYS[4]) == V[1]
    assert workspace.served(before=DAYS[1]) == V[0]
    assert push_day(workspace, "2022-05-06").stable == 2022050601
    assert release(workspace).previous == V[1]


def test_a_withdrawn_version_can_come_back(workspace):
    rollback(workspace, V[1])
    assert promote(workspace, V[3]).stable == V[3]
    assert release(workspace).withdrawn == (V[2], V[4])
    assert release(workspace).previous == V[1]
    assert rollback(workspace, V[2]).stable == V[2]


def test_a_canary_serves_those_who_ask_until_it_is_promoted(workspace):
    assert push_day(workspace, "2022-05-06", canary=True).serving == {"stable": V[4], "canary": 2022050601}
    assert workspace.served(before="2022-05-07") == V[4]
    assert push_day(workspace, "2022-05-07", canary=True).serving == {"stable": V[4], "canary": 2022050701}
    assert release(workspace).withdrawn == (2022050601,)
    assert promote(workspace).serving == {"stable": 2022050701}
    assert rollback(workspace).stable == V[4]


def test_the_first_version_serves_at_once(tmp_path, workspace):
    empty = Workspace(str(tmp_path / "other"))
    assert push_day(empty, DAYS[0], canary=True).serving == {"stable": V[0]}


def test_a_rollback_withdraws_the_canary(workspace):
    push_day(workspace, "2022-05-06", canary=True)
    assert rollback(workspace).serving == {"stable": V[3]}
    assert release(workspace).withdrawn == (V[4], 2022050601)


def test_retire_never_deletes_what_serves(workspace):
    rollback(workspace, V[2])
    assert retire(workspace, 1) == [V[0], V[3]]
    assert workspace.versions() == [V[1], V[2], V[4]]
    assert not workspace.exists(workspace.checkpoint(V[0])) and workspace.exists(workspace.checkpoint(V[2]))
    assert release(workspace).serving == {"stable": V[2]} and release(workspace).previous == V[1]
    done = [(action["action"], action["version"]) for action in workspace.release()["actions"]]
    assert done == [("rollback", V[2]), ("retire", V[0]), ("retire", V[3])]
    assert retire(workspace, 1) == []


def test_what_a_killed_retirement_left_is_never_served_and_goes_with_the_next(workspace):
    workspace.fs.move(
        workspace.path(workspace.model(V[0])), workspace.path(workspace.uri("models", f".{V[0]}.retired"))
    )
    assert release(workspace).versions == tuple(V[1:])
    assert retire(workspace, 4) == []
    assert [info.base_name for info in workspace.list(workspace.uri("models"))] == [str(v) for v in V[1:]]


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (lambda w: rollback(w, 2022043001), "no version 2022043001 in .*; there are: 2022050101, "),
        (lambda w: rollback(w, V[4]), "in service already"),
        (lambda w: promote(w), "no version waits as a canary"),
        (lambda w: promote(w, V[1]), "not newer than 2022050501.*roll back"),
    ],
)
def test_what_cannot_be_done_is_refused_and_changes_nothing(workspace, action, message):
    with pytest.raises(ReleaseError, match=message):
        action(workspace)
    assert release(workspace).serving == {"stable": V[4]} and not workspace.exists(workspace.uri("serving"))


def test_a_rollback_forward_is_refused(workspace):
    rollback(workspace, V[1])
    with pytest.raises(ReleaseError, match=f"{V[2]} is newer than {V[1]}.*promote"):
        rollback(workspace, V[2])


def test_nothing_to_go_back_to(workspace):
    rollback(workspace, V[0])
    with pytest.raises(ReleaseError, match=f"no version before {V[0]}"):
        rollback(workspace)


def test_what_is_pushed_while_releases_are_held_waits(workspace):
    assert hold(workspace, "the price feed is wrong").held == "the price feed is wrong"
    held = push_day(workspace, "2022-05-06")
    assert held.stable == V[4] and held.withdrawn == (2022050601,)
    push_day(workspace, "2022-05-07", canary=True)
    assert release(workspace).canary is None
    assert resume(workspace).held is None and release(workspace).stable == V[4]
    assert promote(workspace, 2022050601).stable == 2022050601
    assert push_day(workspace, "2022-05-08").stable == 2022050801
    with pytest.raises(ReleaseError, match="are not held: there is nothing to resume"):
        resume(workspace)


def test_a_hold_ends_by_itself(workspace):
    now = datetime.datetime.now(datetime.timezone.utc)
    assert hold(workspace, "sale", now + datetime.timedelta(hours=1)).held == "sale"
    assert hold(workspace, "sale", now - datetime.timedelta(seconds=1)).held is None
    assert push_day(workspace, "2022-05-06").stable == 2022050601


def test_what_was_trained_on_from_a_withdrawn_version_is_not_pushed(workspace):
    rollback(workspace, V[2])
    with pytest.raises(
        ReleaseError, match=f"version {V[4]}, which the model of 2022-05-06 goes on from, was withdrawn"
    ):
        push_day(workspace, "2022-05-06", base=V[4])
    assert release(workspace).stable == V[2] and 2022050601 not in workspace.versions()
    assert push_day(workspace, "2022-05-06", base=V[2]).stable == 2022050601


def test_changes_of_what_serves_come_one_after_the_other(workspace):
    done = threading.Event()

    def roll() -> None:
        rollback(workspace, V[1])
        done.set()

    with locked(workspace):
        thread = threading.Thread(target=roll)
        thread.start()
        assert not done.wait(0.3) and release(workspace).stable == V[4]
    thread.join(10)
    assert done.is_set() and release(workspace).stable == V[1]


def test_files_of_what_serves_are_as_they_were_pushed(workspace):
    assert damage(workspace, V[4]) == []
    os.remove(f"{workspace.model(V[4])}/saved_model.pb")  # it is a link, which others have, too
    with open(f"{workspace.model(V[4])}/saved_model.pb", "w") as stream:
        stream.write("another graph")
    with open(f"{workspace.model(V[3])}/variables.index", "w") as stream:
        stream.write("who put me here")
    assert "saved_model.pb has changed since it was pushed" in damage(workspace, V[4])[0]
    assert "variables.index is new since" in damage(workspace, V[3])[0]
    os.remove(f"{workspace.model(V[2])}/saved_model.pb")
    assert "saved_model.pb is missing since" in damage(workspace, V[2])[0]
