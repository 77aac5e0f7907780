"""Brings the profiles of the days before, and writes what is unusual about the day."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from scenerank.components.profile_validator.rules import findings
from scenerank.components.profile_validator.settings import ProfileLimits
from scenerank.components.profile_validator.usual import measured, usuals
from scenerank.components.records.profile import Findings, Profile
from scenerank.components.records.verdict import DayVerdict
from scenerank.components.workspace import Workspace


def profiles(workspace: Workspace, day: str, most: int) -> list[Profile]:
    """Of the last `most` published days before `day`, oldest first; days published without one are passed over."""
    days = [d for d in workspace.days("examples") if d < day][-most:]
    found = [Profile.find(workspace.day("examples", d)) for d in days]
    return [profile for profile in found if profile is not None and profile.rows]


def accepted_days(workspace: Workspace, days: Iterable[str]) -> dict[str, str]:
    """Those of the published days that a person let pass, and why."""
    verdicts = ((day, DayVerdict.find(workspace.day("examples", day))) for day in days)
    return {day: verdict.accepted for day, verdict in verdicts if verdict is not None and verdict.accepted}


def validate(workspace: Workspace, profile: Profile, limits: ProfileLimits) -> Findings:
    """Compares a day with those before it."""
    before = profiles(workspace, profile.day, limits.usual_days)
    compared = [one.day for one in before]
    if len(before) < limits.least_days:
        note = (
            f"rows, hours, click rates, numbers and keys of {profile.day} are not compared: {len(before)} of the days "
            f"before have a profile, checks.least_days asks for {limits.least_days}"
        )
        logging.info(note)
        return Findings(day=profile.day, compared=compared, note=note, findings=[])
    *days, day = measured([*before, profile])
    usual = usuals(profile.day, days, accepted_days(workspace, compared))
    return Findings(day=profile.day, compared=compared, note="", findings=findings(day, usual, limits))
