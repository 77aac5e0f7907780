"""DayPublisher: a day is replaced whole, whenever the run is killed."""

import json

import pytest
from tfx.types.standard_artifacts import Examples, ExampleStatistics

from scenerank.components.artifacts import DayProfile, FairnessTable, PublishedDay, Quarantine, Verdict
from scenerank.components.day_publisher.component import DayPublisher
from scenerank.components.workspace import CURRENT, Workspace
from scenerank.errors import DataError
from tests.components.small_days import fill

DAY = "2024-03-02"


class Killed(BaseException):
    """Stands for a kill: nothing catches it."""


def sources(folder, text, passed=True):
    """What the components before leave, each file saying `text`."""
    fill(folder / "examples" / "Split-day", a__gz=text, b__gz=text)
    fill(folder / "statistics" / "Split-day", FeatureStats__pb=text)
    fill(folder / "fairness", fairness__parquet=text)
    fill(folder / "quarantine", quarantine__parquet=text, summary__json=json.dumps({"text": text}))
    fill(folder / "profile", profile__json=json.dumps({"text": text}), origin__json=json.dumps({"day": text}))
    fill(folder / "verdict", verdict__json=json.dumps({"passed": passed}))
    return folder


def publish(workspace, folder):
    def artifact(kind, name):
        made = kind()
        made.uri = str(folder / name)
        if kind in (Examples, ExampleStatistics):
            made.split_names = '["day"]'
        return made

    DayPublisher.test_call(
        examples=artifact(Examples, "examples"),
        statistics=artifact(ExampleStatistics, "statistics"),
        fairness=artifact(FairnessTable, "fairness"),
        quarantine=artifact(Quarantine, "quarantine"),
        verdict=artifact(Verdict, "verdict"),
        profile=artifact(DayProfile, "profile"),
        published=artifact(PublishedDay, "published"),
        workspace=workspace.root,
        day=DAY,
    )
    return json.loads((folder / "published" / "published.json").read_text())


def content(workspace, table):
    """Text of each file of the table's current content, by its path within."""
    root = workspace.path(workspace.day(table, DAY))
    files = [i.path for i in workspace.list(workspace.day(table, DAY), recursive=True) if i.is_file]
    return {f[len(root) + 1 :]: open(f).read() for f in files}


def whole(text):
    return {
        "quarantine": {"quarantine.parquet": text, "summary.json": json.dumps({"text": text})},
        "fairness": {"fairness.parquet": text},
        "examples": {
            "examples/a.gz": text,
            "examples/b.gz": text,
            "statistics/FeatureStats.pb": text,
            "summary.json": json.dumps({"text": text}),
            "profile.json": json.dumps({"text": text}),
            "origin.json": json.dumps({"day": text}),
            "verdict.json": json.dumps({"passed": True}),
        },
    }


def test_layout_and_rerun(tmp_path):
    workspace = Workspace(str(tmp_path / "w"))
    for text in ("first", "second", "second"):
        published = publish(workspace, sources(tmp_path / text, text))
        for table, files in whole(text).items():
            assert content(workspace, table) == files
            assert published[table] == workspace.day(table, DAY)
            assert len(workspace.list(workspace.uri(table, f"day={DAY}"))) == 2  # the content and the pointer


def test_nothing_without_a_passing_verdict(tmp_path):
    workspace = Workspace(str(tmp_path / "w"))
    with pytest.raises(DataError, match="did not pass, so day 2024-03-02 is not published"):
        publish(workspace, sources(tmp_path / "bad", "x", passed=False))
    assert [workspace.days(table) for table in whole("x")] == [[], [], []]


STEPS = ("copy", "write_text", "delete")


def killed_at(workspace_class, monkeypatch, step, before):
    """Makes the step-th file operation of a publication die, before or after it is done."""
    done = 0

    def wrap(name):
        original = getattr(workspace_class, name)

        def operation(self, *args, **kwargs):
            nonlocal done
            done += 1
            if done == step and before:
                raise Killed
            result = original(self, *args, **kwargs)
            if done == step:
                raise Killed
            return result

        monkeypatch.setattr(workspace_class, name, operation)

    for name in STEPS:
        wrap(name)


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("first", [True, False])
def test_a_kill_at_any_step_leaves_whole_tables_and_a_rerun_mends_it(tmp_path, first, before):
    new = sources(tmp_path / "new", "new")
    killed = 0
    for step in range(1, 100):
        workspace = Workspace(str(tmp_path / f"w{step}"))
        if not first:
            publish(workspace, sources(tmp_path / "old", "old"))
        with pytest.MonkeyPatch.context() as patch:
            killed_at(Workspace, patch, step, before)
            try:
                publish(workspace, new)
            except Killed:
                killed += 1
            else:
                break
        published = [table for table in whole("") if DAY in workspace.days(table)]
        assert first or len(published) == 3
        for table in published:
            assert content(workspace, table) in (whole("old")[table], whole("new")[table])
        if "examples" in published and content(workspace, "examples") == whole("new")["examples"]:
            # examples come last: whoever sees them sees the rest
            assert all(content(workspace, table) == whole("new")[table] for table in whole(""))
        publish(workspace, new)
        for table in whole(""):
            assert content(workspace, table) == whole("new")[table]
    assert killed == (11 if first else 14)


def test_a_kill_in_the_middle_of_a_copy(tmp_path, monkeypatch):
    workspace = Workspace(str(tmp_path / "w"))
    publish(workspace, sources(tmp_path / "old", "old"))

    def half(self, source, target):
        fill(tmp_path / "w" / target[len(self.root) + 1 :], half="half")
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Workspace, "copy", half)
        with pytest.raises(Killed):
            publish(workspace, sources(tmp_path / "new", "new"))
    assert content(workspace, "quarantine") == whole("old")["quarantine"]
    publish(workspace, tmp_path / "new")
    assert content(workspace, "quarantine") == whole("new")["quarantine"]
    # the half is another run's for all we know: it goes a day later
    assert len(workspace.list(workspace.uri("quarantine", f"day={DAY}"))) == 3
    monkeypatch.setattr("scenerank.components.workspace.time.time", lambda: 4e9)
    publish(workspace, tmp_path / "new")
    assert len(workspace.list(workspace.uri("quarantine", f"day={DAY}"))) == 2


def test_two_publications_at_once_leave_whole_tables(tmp_path, monkeypatch):
    workspace = Workspace(str(tmp_path / "w"))
    publish(workspace, sources(tmp_path / "old", "old"))
    other = sources(tmp_path / "other", "other")
    original = Workspace.write_text
    inside = []

    def write_text(self, uri, text):
        # just before each pointer is set, another run publishes everything
        if uri.endswith(CURRENT) and not inside:
            inside.append(uri)
            publish(workspace, other)
            inside.clear()
        original(self, uri, text)

    monkeypatch.setattr(Workspace, "write_text", write_text)
    publish(workspace, sources(tmp_path / "new", "new"))
    for table in whole(""):
        assert content(workspace, table) in (whole("new")[table], whole("other")[table])
