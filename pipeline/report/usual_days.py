"""The day beside those before it: rows, hours, click rate, and how many users and items are new."""

from __future__ import annotations

import numpy as np

from scenerank.components.profile_validator.rules import most_unseen
from scenerank.components.profile_validator.settings import ProfileLimits
from scenerank.components.profile_validator.usual import Measured, Usual, measured, median
from scenerank.components.profile_validator.validate import profiles
from scenerank.components.records.profile import Profile
from scenerank.components.records.verdict import DayVerdict
from scenerank.pipeline.drawing.page import Cell, Missing, Note, Section, Table, count, listed, percent
from scenerank.pipeline.report.run import Run


def section(run: Run) -> Section:
    """Raises:
    Missing: the day is not published, or was by a version that left no profile.
    """
    workspace, day = run.workspace, run.day
    folder = workspace.day("examples", day) if day in workspace.days("examples") else ""
    today = Profile.find(folder) if folder else None
    if today is None:
        raise Missing("The day has no profile to compare.")
    checks = run.config.get("checks", {})
    limits = ProfileLimits.model_validate({name: checks[name] for name in ProfileLimits.model_fields if name in checks})
    *before, last = measured([*profiles(workspace, day, limits.usual_days), today])
    verdict = DayVerdict.find(folder) or DayVerdict()
    unusual = [row for row in verdict.anomalies if row["check"] == "profile"]
    blocks = [Note(f"{row['feature']}: {row['description']}.") for row in unusual]
    return Section("usual", "Is the day usual?", _lead(verdict, len(unusual)), [_table(last, before, limits), *blocks])


def _lead(verdict: DayVerdict, unusual: int) -> str:
    if verdict.accepted:
        return f"The day passed because a person accepted it: {verdict.accepted}."
    if verdict.note:
        return f"{verdict.note[0].upper()}{verdict.note[1:]}."
    return f"{unusual} measures of the day are not as usual." if unusual else "The day is as usual."


def _table(day: Measured, before: list[Measured], limits: ProfileLimits) -> Table:
    keys = list(day.profile.keys)
    rows: list[tuple[str | Cell, ...]] = [_row(one, keys) for one in [*before, day]]
    if before:
        usual = Usual("median", before)
        hours = median(np.count_nonzero(one.profile.hours) for one in before if one.profile.hours)
        unseen = [median(one.unseen_share(key) for one in before) for key in keys]
        rows.append(("usual", count(usual.rows), count(hours), percent(usual.click_rate), *map(percent, unseen)))
        most = (None if share is None else most_unseen(share, limits) for share in unseen)
        bounds = (
            f"{count(usual.rows / limits.rows_factor)} to {count(usual.rows * limits.rows_factor)}",
            f"from {count(np.ceil(limits.hours_share * hours))}" if hours else count(None),
            f"{percent(usual.click_rate / limits.click_rate_factor)} to "
            f"{percent(usual.click_rate * limits.click_rate_factor)}",
            *(count(None) if share is None else f"to {percent(share)}" for share in most),
        )
        rows.append((Cell("limits", "quiet"), *(Cell(text, "quiet") for text in bounds)))
    return Table(
        "The last days",
        f"Hours that have rows, and shares of {listed(keys)} that none of the days above had. What is usual is the "
        "median of the days before; limits are widened by what chance makes of few rows.",
        ("Day", "Rows", "Hours", "Click rate", *(f"Unseen {key}" for key in keys)),
        rows,
    )


def _row(one: Measured, keys: list[str]) -> tuple[str, ...]:
    profile = one.profile
    hours = count(np.count_nonzero(profile.hours) if profile.hours else None)
    unseen = (percent(one.unseen_share(key)) for key in keys)
    return profile.day, count(profile.rows), hours, percent(profile.click_rate), *unseen
