import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenerank.components.days import day_of
from scenerank.errors import DataError

dates = st.dates(datetime.date(1990, 1, 1), datetime.date(2100, 12, 31))


@given(dates, st.integers(-9999, 9999))
def test_days_before_and_after(date, days):
    assert day_of(f"{date}{days:+d}") == (date + datetime.timedelta(days=days)).isoformat()


@given(dates)
def test_a_date_is_itself(date):
    assert day_of(date.isoformat()) == date.isoformat()


@pytest.mark.parametrize("text", ["", "today", "2024-02-30", "2024-02-30-1", "20240301", "2024-03-01-", "9999-12-31+1"])
def test_anything_else_is_refused(text):
    with pytest.raises(DataError, match="write it as 2022-05-31") as error:
        day_of(text)
    assert "\n" not in str(error.value)


def test_a_date_that_was_not_put_in():
    with pytest.raises(DataError, match="CronJob"):
        day_of("[[ScheduledTime.2006-01-02]]-1")
