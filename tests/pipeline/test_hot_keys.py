"""Memory of workers on a day of many small files, one item of which everyone sees, one user who never stops."""

import sys

import pytest

from tests.pipeline import hot_days

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def peaks(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["scenerank"])
        found = hot_days.peaks(tmp_path_factory.mktemp("hot"))
    print(found)
    return found


def test_all_rows_arrive(peaks):
    assert peaks["hot"].rows == peaks["even"].rows == hot_days.ROWS
    assert peaks["hot"].largest > hot_days.HOT_USER > 4 * peaks["even"].largest


@pytest.mark.parametrize("keys", ["even", "hot"])
def test_a_worker_stays_within_the_bound(peaks, keys):
    assert 0 < peaks[keys].mib - peaks["tiny"].mib < hot_days.bound_mib(peaks[keys])


def test_hot_keys_cost_less_than_their_share_of_the_day(peaks):
    even, hot = (peaks[keys].mib - peaks["tiny"].mib for keys in ("even", "hot"))
    assert hot < 3 * even  # their partition has five times the rows
