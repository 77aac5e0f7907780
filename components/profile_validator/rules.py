"""What is unusual about a day: each rule compares it with what is usual, and says so in words.

A measure is unusual where it is beyond its limit and, too, beyond what chance would make of the day's rows. Rows come
in groups, a page of a user at a time, and count for as many as there are groups.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from scenerank.components.profile_validator.settings import ProfileLimits
from scenerank.components.profile_validator.usual import Measured, Usual, median
from scenerank.components.records.profile import QUANTILES, Finding

GROUP = 10
"""Rows that come together."""
_JUDGED = range(1, len(QUANTILES) - 1)


def findings(day: Measured, usual: Sequence[Usual], limits: ProfileLimits) -> list[Finding]:
    """What fits none of the usual days, in the words of the first of them."""
    first, *others = ({f.measure: f for rule in _RULES for f in rule(day, one, limits)} for one in usual)
    return [finding for measure, finding in first.items() if all(measure in other for other in others)]


def most_unseen(usual: float, limits: ProfileLimits) -> float:
    """The largest share of keys that no day before had: half of those that are usually known may be new, too."""
    return usual + min(limits.unseen_margin, (1 - usual) / 2)


def _rows(day: Measured, usual: Usual, limits: ProfileLimits) -> Iterator[Finding]:
    rows, expected = day.profile.rows, usual.rows
    low, high = expected / limits.rows_factor, expected * limits.rows_factor
    if not low <= rows <= high and _counts_differ(rows, expected, limits.noise):
        yield Finding(
            measure="rows",
            description=f"{rows:,} rows where {usual.name} has {expected:,.0f}, and {low:,.0f} to {high:,.0f} are "
            "usual; set checks.rows_factor higher if they are right",
        )


def _hours(day: Measured, usual: Usual, limits: ProfileLimits) -> Iterator[Finding]:
    covered = median(np.count_nonzero(one.profile.hours) for one in usual.days if one.profile.hours)
    if covered is None or not day.profile.hours:
        return
    hours = np.sum([one.profile.hours for one in usual.days if one.profile.hours], axis=0)
    shares = hours / max(hours.sum(), 1)
    empty = np.exp(-shares[shares > 0] * day.profile.rows / GROUP)  # chance that an hour has no row
    least = limits.hours_share * covered - limits.noise * np.sqrt((empty * (1 - empty)).sum())
    found = np.flatnonzero(day.profile.hours)
    if len(found) < least:
        between = f", {found[0]} to {found[-1]}," if len(found) else ""
        yield Finding(
            measure="hours",
            description=f"{len(found)} hours{between} have rows where {usual.name} has {covered:.0f}, and "
            f"{np.ceil(least):.0f} are the least; set checks.hours_share lower if that is right",
        )


def _click_rates(day: Measured, usual: Usual, limits: ProfileLimits) -> Iterator[Finding]:
    rate, expected = day.profile.click_rate, usual.click_rate
    if _rates_differ(rate, day.profile.rows, expected, usual.rows, limits.click_rate_factor, limits.noise):
        low, high = expected / limits.click_rate_factor, expected * limits.click_rate_factor
        yield Finding(
            measure="click rate",
            description=f"{rate:.3%} where {usual.name} has {expected:.3%}, and {low:.3%} to {high:.3%} are usual; set "
            "checks.click_rate_factor higher if that is right",
        )


def _scenarios(day: Measured, usual: Usual, limits: ProfileLimits) -> Iterator[Finding]:
    """Shares of the rows, and click rates over the whole day's: what befell all scenarios is told once."""
    total, factor = day.profile.rows, limits.scenario_factor
    change = day.profile.click_rate / usual.click_rate if usual.click_rate else 1.0
    for name in sorted({name for one in usual.days for name in one.profile.scenarios}):
        share = median(one.scenario_share(name) for one in usual.days) or 0.0
        if share < limits.scenario_share:
            continue
        rows = day.profile.scenarios.get(name, (0, 0))[0]
        expected = share * total
        if not expected / factor <= rows <= expected * factor and _counts_differ(rows, expected, limits.noise):
            yield Finding(
                measure=f"rows of scenario {name}",
                description=f"{rows:,} of {total:,} rows where {usual.name} has {share:.1%} of them, and "
                f"{share / factor:.1%} to {min(share * factor, 1):.1%} are usual; set checks.scenario_factor higher "
                "if that is right",
            )
        rate, usual_rate = day.scenario_rate(name), median(one.scenario_rate(name) for one in usual.days)
        if rate is None or usual_rate is None:
            continue
        likely = min(usual_rate * change, 1.0)
        if _rates_differ(rate, rows, likely, share * usual.rows, factor, limits.noise):
            yield Finding(
                measure=f"click rate of scenario {name}",
                description=f"{rate:.3%} where {usual.name} and the rest of the day let expect {likely:.3%}, and "
                f"{likely / factor:.3%} to {likely * factor:.3%} are usual; set checks.scenario_factor higher if that "
                "is right",
            )


def _numbers(day: Measured, usual: Usual, limits: ProfileLimits) -> Iterator[Finding]:
    factor, groups = limits.number_factor, day.profile.rows / GROUP
    for name, found in day.profile.numbers.items():
        table = [one.profile.numbers[name] for one in usual.days if name in one.profile.numbers]
        if not table:
            continue
        expected = np.median(table, axis=0)
        for place in _JUDGED:
            share, value = QUANTILES[place], found[place]
            ranks = min(share - QUANTILES[place - 1], QUANTILES[place + 1] - share)
            low, high = sorted((expected[place] / factor, expected[place] * factor))
            low, high = min(low, expected[place - 1]), max(high, expected[place + 1])
            if not low <= value <= high and ranks > limits.noise * np.sqrt(share * (1 - share) / max(groups, 1)):
                yield Finding(
                    measure=name,
                    description=f"{share:.0%} of the values are at most {value:,.4g} where {usual.name} has "
                    f"{expected[place]:,.4g}, and {low:,.4g} to {high:,.4g} are usual; set checks.number_factor higher "
                    "if that is right",
                )
                break


def _missing(day: Measured, usual: Usual, limits: ProfileLimits) -> Iterator[Finding]:
    for name in day.profile.missing:
        share, expected = day.missing_share(name), median(one.missing_share(name) for one in usual.days)
        if expected is None or share is None:
            continue
        limit = max(limits.missing_margin, limits.noise * _deviation(expected, day.profile.rows / GROUP))
        if abs(share - expected) > limit:
            yield Finding(
                measure=f"missing values of {name}",
                description=f"{share:.1%} of the rows have none where {usual.name} has {expected:.1%}, and a change of "
                f"{limit:.1%} is the most; set checks.missing_margin higher if that is right",
            )


def _unseen(day: Measured, usual: Usual, limits: ProfileLimits) -> Iterator[Finding]:
    for name, (share, keys) in day.unseen.items():
        expected = median(one.unseen_share(name) for one in usual.days)
        if expected is None:
            continue
        limit = max(most_unseen(expected, limits), expected + limits.noise * _deviation(expected, keys))
        if share > limit:
            yield Finding(
                measure=f"unseen {name}",
                description=f"{share:.1%} of them were on no day before where {usual.name} has {expected:.1%}, and "
                f"{limit:.1%} are the most; set checks.unseen_margin higher if that is right",
            )


_RULES = (_rows, _hours, _click_rates, _scenarios, _numbers, _missing, _unseen)


def _counts_differ(one: float, other: float, noise: float) -> bool:
    """Whether two counts of rows differ by more than chance: a root's variance is a quarter, whatever the count."""
    return bool(abs(np.sqrt(one) - np.sqrt(other)) > noise * np.sqrt(GROUP / 2))


def _rates_differ(one: float, rows: float, other: float, others: float, factor: float, noise: float) -> bool:
    """Whether two click rates differ by more than a factor, and by more than chance: the variance of an arcsine is
    that of `1 / 4 rows`, whatever the rate."""
    if other / factor <= one <= other * factor:
        return False
    distance = abs(np.arcsin(np.sqrt(one)) - np.arcsin(np.sqrt(other)))
    return bool(distance > noise * np.sqrt(1 / max(rows, 1) + 1 / max(others, 1)) / 2)


def _deviation(share: float, count: float) -> float:
    """Standard deviation of a share of so many, drawn to a half by one of each kind: 0 of 3 is no certainty."""
    drawn = (share * count + 1) / (count + 2)
    return float(np.sqrt(drawn * (1 - drawn) / (count + 2)))
