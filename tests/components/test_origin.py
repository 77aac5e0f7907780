"""What a published day was made of, and whether it would be made the same way now."""

from __future__ import annotations

import os
import shutil

import pytest

from scenerank.components.examples_window.settings import WindowSettings
from scenerank.components.examples_window.stale import admitted, refuse_other_data_set, stale_days
from scenerank.components.log_example_gen.settings import IngestSettings
from scenerank.components.records.origin import DayOrigin
from scenerank.components.workspace import Workspace, shift
from scenerank.errors import WorkspaceError
from tests.components.ingestion import COLUMNS, DAY, declare, put, row, run
from tests.components.small_days import fill

PREVIOUS = shift(DAY, -1)
PLAIN = IngestSettings()


@pytest.fixture
def space(tmp_path):
    """A day and the one before, both published as ingestion leaves them."""
    put(tmp_path, [row(5, -1, item="a", click=1), row(6, -1, item="b")], day=PREVIOUS)
    put(tmp_path, [row(5, item="c")])
    put(tmp_path, [row(7, item="d")], name="b.csv")
    workspace = Workspace(str(tmp_path))
    for day in (PREVIOUS, DAY):
        profile = run(tmp_path, day=day).out / "profile"
        examples = fill(tmp_path / "source" / day, a__gz=day)
        contents = {"examples": examples, DayOrigin.FILE: str(profile / DayOrigin.FILE)}
        workspace.publish("examples", day, contents)
        workspace.publish("fairness", day, fill(tmp_path / "source" / f"fc-{day}", fairness__parquet="x"))
    return workspace


def stale(space, declaration=None, settings=PLAIN, **recipe):
    return stale_days(space, space.days("examples"), declaration or declare(), settings, recipe)


def test_a_day_is_as_it_was_though_its_files_were_touched(space, tmp_path):
    assert stale(space) == {}
    os.utime(tmp_path / "logs" / f"day={DAY}" / "a.parquet", (1, 1))
    assert stale(space) == {}
    shutil.rmtree(tmp_path / "tfx")  # the table of digests may go at any time
    assert stale(space) == {}


def test_late_clicks_make_their_day_and_those_after_it_stale(space, tmp_path):
    put(tmp_path, [row(5, -1, item="a", click=1), row(6, -1, item="b", click=1)], day=PREVIOUS)
    assert stale(space) == {
        PREVIOUS: [f"logs/day={PREVIOUS}/a.parquet changed"],
        DAY: [f"the logs of {PREVIOUS} changed"],
    }


def test_files_that_come_and_go_are_named(space, tmp_path):
    put(tmp_path, [row(8, item="e")], name="c.jsonl")
    (tmp_path / "logs" / f"day={DAY}" / "b.csv").unlink()
    assert stale(space) == {DAY: [f"logs/day={DAY}/c.jsonl came later", f"logs/day={DAY}/b.csv is gone"]}


def test_whole_days_of_logs_may_be_deleted(space, tmp_path):
    shutil.rmtree(tmp_path / "logs" / f"day={PREVIOUS}")
    assert stale(space) == {}


def test_logs_that_come_for_a_day_before_are_named(space, tmp_path):
    put(tmp_path, [row(5, -3)], day=shift(DAY, -3))
    assert stale(space) == {d: [f"the logs of {shift(DAY, -3)} came later"] for d in (PREVIOUS, DAY)}


@pytest.mark.parametrize(
    "changes, told",
    [
        ({"rates": None}, "the declared rates changed"),
        ({"history": {"types": {"click": "click"}, "length": 3, "days": 5}}, "the declared history changed"),
        ({"utc_offset_hours": 1}, "the declared days changed"),
        ({"columns": [*COLUMNS[:-1], {**COLUMNS[-1], "required": False}]}, "the declared columns changed"),
    ],
)
def test_changed_declarations_are_told(space, changes, told):
    assert stale(space, declare(**changes)) == {PREVIOUS: [told], DAY: [told]}


def test_what_only_models_see_of_a_column_makes_no_day_stale(space):
    columns = [{**c, "encoding": {**c["encoding"], "size": 128}} if c["name"] == "user" else c for c in COLUMNS]
    assert stale(space, declare(columns=columns, description="the same")) == {}


def test_other_settings_that_make_examples_are_told(space):
    assert stale(space, settings=IngestSettings(late_days=0))[DAY] == ["ingest.late_days changed"]
    assert stale(space, settings=IngestSettings(partitions=3, batch_rows=9)) == {}
    assert stale(space, **{"the fairness settings": {"prior": 1}})[DAY] == ["the fairness settings changed"]


def test_another_data_set_is_refused(space):
    refuse_other_data_set(space, declare())
    with pytest.raises(WorkspaceError, match="days of the data set 'tiny', and the configuration declares 'other'"):
        refuse_other_data_set(space, declare(name="other"))


def test_a_window_takes_stale_days_only_where_it_is_told_to(space, tmp_path):
    put(tmp_path, [row(9, item="z")], name="b.csv")
    chosen = {policy: WindowSettings(stale=policy) for policy in ("rebuild", "refuse", "warn")}
    day = shift(DAY, 1)
    for policy in ("rebuild", "refuse"):
        with pytest.raises(WorkspaceError, match=rf"{DAY}: logs/day={DAY}/b.csv changed\): run {DAY} again"):
            admitted(space, day, declare(), chosen[policy], PLAIN, {})
    assert list(admitted(space, day, declare(), chosen["warn"], PLAIN, {})) == [DAY]


def test_days_of_older_releases_count_as_they_were(space, tmp_path):
    space.publish("examples", DAY, {"examples": fill(tmp_path / "old", a__gz="x")})
    put(tmp_path, [row(9, item="z")], name="b.csv")
    assert stale(space) == {}
