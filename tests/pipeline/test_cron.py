import datetime
import zoneinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenerank.pipeline.cluster import cron

TODAY = datetime.date(2024, 3, 1)
FIXED = ["UTC", "Asia/Shanghai", "Asia/Kolkata", "America/Phoenix", "Pacific/Kiritimati", "Pacific/Pago_Pago"]


@pytest.mark.parametrize("text", ["0 4 * * *", "*/5 0-6/2 1,15 jan-mar MON", " 0  4 * * 1-5 "])
def test_expressions(text):
    assert cron.checked(text) == " ".join(text.split())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0 4 * *", "five fields"),
        ("0 0 4 * * *", "five fields"),
        ("60 4 * * *", "minute"),
        ("0 24 * * *", "hour"),
        ("0 4 0 * *", "day of month"),
        ("0 4 * 13 *", "month"),
        ("0 4 * * 7", "day of week"),
        ("0 4-2 * * *", "hour"),
        ("0 x * * *", "hour"),
        ("0 4 ? * *", "day of month"),
        ("0 4,, * * *", "hour"),
        ("0 ٤ * * *", "hour"),
    ],
)
def test_wrong_expressions_name_the_field(text, words):
    with pytest.raises(ValueError, match=words):
        cron.checked(text)


@given(st.sampled_from(FIXED), st.integers(0, 23), st.integers(0, 59), st.dates(TODAY, datetime.date(2033, 1, 1)))
def test_the_same_moment_in_utc(zone, hour, minute, date):
    expression, ahead = cron.in_utc(f"{minute} {hour} * * *", zone, TODAY)
    local = datetime.datetime.combine(date, datetime.time(hour, minute), zoneinfo.ZoneInfo(zone))
    utc = local.astimezone(datetime.timezone.utc)
    assert expression == f"{utc.minute} {utc.hour} * * *"
    assert ahead == (utc.date() - date).days


@pytest.mark.parametrize("zone", ["Europe/Paris", "America/New_York", "Africa/Casablanca", "Australia/Lord_Howe"])
def test_zones_that_move_their_clocks(zone):
    with pytest.raises(ValueError, match=f"^time_zone: {zone}"):
        cron.in_utc("0 4 * * *", zone, TODAY)


@pytest.mark.parametrize("text", ["*/10 4 * * *", "0 4,16 * * *", "0 4 * * 1", "0 4 1 * *"])
def test_what_cannot_be_told_in_utc(text):
    assert cron.in_utc(text, "UTC", TODAY) == (text, 0)
    with pytest.raises(ValueError, match="^cron: "):
        cron.in_utc(text, "Asia/Shanghai", TODAY)


def test_days_of_the_week_where_the_date_is_the_same():
    assert cron.in_utc("0 10 * * 1-5", "Asia/Shanghai", TODAY) == ("0 2 * * 1-5", 0)
