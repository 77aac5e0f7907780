"""What of old days goes: never what serves, what a rollback needs, what the next run reads."""

from __future__ import annotations

import datetime

import pytest
from click.testing import CliRunner

from scenerank.components.records.release import ModelLineage
from scenerank.components.workspace import Workspace, shift, version
from scenerank.pipeline.cli.main import main
from scenerank.pipeline.daily.retention import begin_anew, clean, removals
from scenerank.pipeline.daily.settings import RetentionSettings

FIRST, DAYS = "2024-01-01", 80
ALL = dict.fromkeys(RetentionSettings.model_fields)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Workspace:
    """Eighty days, each published, with a version and what TFX leaves."""
    workspace = Workspace(str(tmp_path_factory.mktemp("retention") / "w"))
    for number in range(DAYS):
        day = shift(FIRST, number)
        for table in ("examples", "fairness", "quarantine"):
            workspace.write_text(workspace.uri(table, f"day={day}", "x", "part"), "rows")
            workspace.write_text(workspace.uri(table, f"day={day}", "_CURRENT"), "x")
        workspace.write_text(workspace.uri("models", str(version(day, 1)), "saved_model.pb"), "graph")
        ModelLineage(day=day).write(workspace.model(version(day, 1)))
        workspace.write_text(workspace.uri("checkpoints", str(version(day, 1)), "weights.npz"), "weights")
        for place in ("Trainer/model", "Trainer/.system/executor_execution"):
            workspace.write_text(workspace.uri("tfx", place, str(number + 1), "file"), "bytes")
        at = datetime.datetime.now() - datetime.timedelta(days=DAYS - 1 - number)
        workspace.write_text(workspace.uri("tfx", "logs", f"{day}-{at:%Y%m%dT%H%M%S}.log"), "printed")
    return workspace


@pytest.fixture
def workspace(made, tmp_path) -> Workspace:
    found = Workspace(str(tmp_path / "w"))
    found.copy(made.root, found.root)
    return found


def numbers(workspace: Workspace, *place: str) -> list[int]:
    return sorted(int(info.base_name) for info in workspace.list(workspace.uri("tfx", *place)))


def test_the_newest_stay(workspace):
    settings = RetentionSettings(artifacts=3, printed_days=7, examples=40, versions=5)
    clean(workspace, settings, needed_days=10)
    assert workspace.days("examples") == [shift(FIRST, number) for number in range(DAYS - 40, DAYS)]
    assert len(workspace.days("fairness")) == len(workspace.days("quarantine")) == DAYS
    assert numbers(workspace, "Trainer", "model") == [78, 79, 80]
    assert numbers(workspace, "Trainer", ".system", "executor_execution") == [78, 79, 80]
    assert workspace.versions() == [version(shift(FIRST, number), 1) for number in range(DAYS - 5, DAYS)]
    assert len(workspace.list(workspace.uri("checkpoints"))) == 5
    assert len(workspace.list(workspace.uri("tfx", "logs"))) == 7
    assert clean(workspace, settings, needed_days=10) == [], "a second time there is nothing to do"


@pytest.mark.parametrize("needed", [10, 50])
def test_what_the_next_run_reads_stays(workspace, needed):
    clean(workspace, RetentionSettings(examples=1), needed)
    assert len(workspace.days("examples")) == needed


def test_null_keeps_all(workspace):
    assert removals(workspace, RetentionSettings(**ALL), 10) == []
    clean(workspace, RetentionSettings(**ALL), 10)
    assert len(workspace.versions()) == DAYS


def test_looking_deletes_nothing_and_names_what_goes(workspace):
    command = ["clean", "-w", workspace.root, "-c", "simulator", "--dry-run", "--set", "retention.examples=30"]
    told = CliRunner().invoke(main, command).output
    assert workspace.uri("examples", f"day={FIRST}") in told and "would delete" in told
    assert len(workspace.days("examples")) == DAYS
    assert "deleted" in CliRunner().invoke(main, [c for c in command if c != "--dry-run"]).output
    assert len(workspace.days("examples")) == 30


def test_metadata_that_grew_too_large_begins_anew(workspace):
    workspace.write_text(workspace.uri("tfx", "metadata.db"), "x" * 2**20)
    workspace.write_text(workspace.uri("tfx", ".lock"), "")
    begin_anew(workspace, RetentionSettings(metadata_mb=1))
    assert numbers(workspace, "Trainer", "model"), "not yet"
    begin_anew(workspace, RetentionSettings(metadata_mb=0.5))
    assert {i.base_name for i in workspace.list(workspace.uri("tfx"))} == {".lock", "logs"}


def test_sizes_do_not_grow_with_days(made, tmp_path):
    """The law behind months of days: with a bound on everything, eighty days take what forty did."""
    settings = RetentionSettings(artifacts=3, printed_days=7, examples=30, versions=5)
    sizes = []
    for days in (DAYS // 2, DAYS):
        found = Workspace(str(tmp_path / str(days)))
        found.copy(made.root, found.root)
        for number in range(days, DAYS):
            day = shift(FIRST, number)
            found.delete(found.uri("examples", f"day={day}"))
            found.delete(found.model(version(day, 1)))
        clean(found, settings, 10)
        kinds = (found.uri("examples"), found.uri("models"), found.uri("tfx", "Trainer"))
        sizes.append([sum(i.size or 0 for i in found.list(kind, recursive=True)) for kind in kinds])
    assert sizes[0] == sizes[1]
