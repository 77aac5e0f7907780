"""Rows of days before, which come with a day's logs."""

from __future__ import annotations

import pytest

from scenerank.components.workspace import Workspace, shift
from scenerank.errors import DataError
from tests.components.ingestion import DAY, declare, put, row, run

PREVIOUS = shift(DAY, -1)


def published(tmp_path, day, result):
    Workspace(str(tmp_path)).publish("quarantine", day, str(result.out / "quarantine"))


def test_late_rows_are_kept_for_their_own_day_which_takes_them_in(tmp_path):
    put(tmp_path, [row(5, -1, item="a")], day=PREVIOUS)
    put(tmp_path, [row(5, item="b"), row(86_399, -1, item="late", click=1), row(7, -1, item="bad", age=-1)])
    put(tmp_path, [row(9, 1, item="next")], day=shift(DAY, 1))
    result = run(tmp_path, max_quarantined_share=0.4)
    assert result.summary["rows_late"] == {PREVIOUS: 1} and result.summary["rows_read"] == 3
    assert list(result.summary["quarantined"]) == ["age: below 0"]
    (example,) = result.examples
    assert example["history_item"] == ["late"] and result.profile.rows == 1
    assert [e["item"] for e in run(tmp_path, day=PREVIOUS).examples] == ["a"]
    published(tmp_path, DAY, result)
    again = run(tmp_path, day=PREVIOUS)
    assert sorted(e["item"] for e in again.examples) == ["a", "late"] and again.summary["rows_late"] == {}
    assert run(tmp_path, max_quarantined_share=0.4).files == result.files
    assert run(tmp_path, day=shift(DAY, 1)).examples[0]["history_item"] == ["late"]


def test_late_rows_count_in_rates_of_their_day(tmp_path):
    put(tmp_path, [row(5, -1, item="a")], day=PREVIOUS)
    put(tmp_path, [row(5, item="a"), row(6, -1, item="a"), row(6, -5, item="a")])
    (example,) = run(tmp_path).examples
    assert example["count_item"] == pytest.approx(1.0986123)  # two of the day before, none of five days ago


@pytest.mark.parametrize("back, late_days", [(8, 7), (1, 0), (3, 2)])
def test_rows_of_long_ago_are_refused(tmp_path, back, late_days):
    put(tmp_path, [row(5, item="b"), row(6, -back, item="old")])
    result = run(tmp_path, max_quarantined_share=0.5, late_days=late_days)
    assert result.summary["quarantined"] == {f"time_ms: not within day {DAY}": 1} and not result.summary["rows_late"]


def test_a_day_of_late_rows_alone_is_refused(tmp_path):
    put(tmp_path, [row(6, -1, item="old"), row(7, -1, item="older")])
    with pytest.raises(DataError, match=f"none of the 2 rows in the logs of {DAY} is of that day, 2 are of days"):
        run(tmp_path)


def test_without_days_by_time_no_row_is_late(tmp_path):
    put(tmp_path, [row(6, -1, item="old"), row(7, item="new")])
    result = run(tmp_path, declare(partitioned_by_time=False))
    assert len(result.examples) == 2 and not result.summary["rows_late"]
