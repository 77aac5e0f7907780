"""Cron expressions of five fields: what all schedulers here understand alike, and how they read in UTC.

Parsers such as croniter and cronsim take more than crontab, Kubernetes and Kubeflow share (day 7, `L`, `#`, `R`,
ranges that wrap), so the grammar below would still be needed to refuse that; and none puts an expression into UTC.
"""

from __future__ import annotations

import datetime
import re
import zoneinfo

FIELDS = {"minute": (0, 59), "hour": (0, 23), "day of month": (1, 31), "month": (1, 12), "day of week": (0, 6)}
NAMES = {
    "month": ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
    "day of week": ["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
}
PART = re.compile(r"(?:\*|(\w+)(?:-(\w+))?)(?:/([1-9]\d*))?", re.ASCII)
YEARS = 10


def checked(expression: str) -> str:
    """The expression, its fields one blank apart.

    Raises:
      ValueError: not five fields, or one of them is none that cron, Kubernetes and Kubeflow all understand.
    """
    fields = expression.split()
    if len(fields) != len(FIELDS):
        raise ValueError(f"write five fields ({', '.join(FIELDS)})")
    for field, (name, (least, greatest)) in zip(fields, FIELDS.items()):
        for part in field.split(","):
            match = PART.fullmatch(part)
            numbers = [_number(name, text) for text in match.groups()[:2] if text] if match else [None]
            bounds = [number for number in numbers if number is not None and least <= number <= greatest]
            if len(bounds) < len(numbers) or bounds != sorted(bounds):
                raise ValueError(f"{name}: write *, a number from {least} to {greatest}, a range or a list of these")
    return " ".join(fields)


def _number(field: str, text: str) -> int | None:
    names = NAMES.get(field, [])
    if text.lower() in names:
        return names.index(text.lower()) + FIELDS[field][0]
    return int(text) if text.isdecimal() else None


def time_of_day(expression: str) -> tuple[int, int] | None:
    """Hour and minute, if the expression names one of each."""
    minute, hour, *_ = expression.split()
    return (int(hour), int(minute)) if hour.isdecimal() and minute.isdecimal() else None


def offset(zone: str, today: datetime.date) -> int | None:
    """Minutes by which a zone is ahead of UTC; None where that changes within ten years of `today`."""
    noon = datetime.datetime(today.year, 1, 1, 12, tzinfo=zoneinfo.ZoneInfo(zone))
    found = {(noon + datetime.timedelta(days=day)).utcoffset() for day in range(366 * YEARS)}
    only = found.pop() if len(found) == 1 else None
    return None if only is None else int(only / datetime.timedelta(minutes=1))


def in_utc(expression: str, zone: str, today: datetime.date) -> tuple[str, int]:
    """The same moments as an expression in UTC.

    Args:
      expression: in `zone`.

    Returns:
      The expression, and by how many days the date in UTC is ahead of the zone's then.

    Raises:
      ValueError: no expression in UTC means the same; the message begins with the setting to change.
    """
    ahead = offset(zone, today)
    if ahead is None:
        raise ValueError(
            f"time_zone: {zone} moves its clocks, and Kubeflow Pipelines counts in UTC; set UTC or a zone that does "
            "not, or schedule with the CronJob"
        )
    if ahead == 0:
        return expression, 0
    at = time_of_day(expression)
    if at is None:
        raise ValueError(
            f"cron: {expression} names no single hour and minute, and cannot be put from {zone} into UTC; name them, "
            "or write it in UTC and set time_zone to UTC"
        )
    days, minutes = divmod(at[0] * 60 + at[1] - ahead, 24 * 60)
    rest = expression.split()[2:]
    if days and rest != ["*", "*", "*"]:
        raise ValueError(
            f"cron: {expression} in {zone} falls on another date in UTC, where its days cannot be named; write it in "
            "UTC and set time_zone to UTC"
        )
    return " ".join([str(minutes % 60), str(minutes // 60), *rest]), days
