"""Which days say what is usual, and what each of them is measured by."""

from __future__ import annotations

import dataclasses
import datetime
import statistics
from collections.abc import Collection, Iterable, Sequence

from scenerank.components.day_profile.sample import unseen
from scenerank.components.records.profile import Profile


@dataclasses.dataclass(frozen=True)
class Measured:
    """A day's profile beside the days before it.

    Attributes:
      unseen: of user and item: share of keys that no day before had, and of how many; none for a first day.
    """

    profile: Profile
    unseen: dict[str, tuple[float, int]]

    def scenario_share(self, name: str) -> float:
        """Of the day's rows; 0 of a scenario that has none."""
        return self.profile.scenarios.get(name, (0, 0))[0] / max(self.profile.rows, 1)

    def scenario_rate(self, name: str) -> float | None:
        """Click rate of a scenario; None where it has no row."""
        rows, clicks = self.profile.scenarios.get(name, (0, 0))
        return clicks / rows if rows else None

    def missing_share(self, column: str) -> float | None:
        """Of the rows; None where the day did not count that."""
        missing = self.profile.missing.get(column)
        return None if missing is None else missing / max(self.profile.rows, 1)

    def unseen_share(self, key: str) -> float | None:
        """Of the keys; None where no day before is known."""
        return self.unseen[key][0] if key in self.unseen else None


@dataclasses.dataclass(frozen=True)
class Usual:
    """Days that are usual together, and what they are called."""

    name: str
    days: Sequence[Measured]

    @property
    def rows(self) -> float:
        """Of a usual day."""
        return statistics.median(one.profile.rows for one in self.days)

    @property
    def click_rate(self) -> float:
        """Of a usual day."""
        return statistics.median(one.profile.click_rate for one in self.days)


def median(values: Iterable[float | None]) -> float | None:
    """Of what is known; None where nothing is."""
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def measured(profiles: Sequence[Profile]) -> list[Measured]:
    """Each day beside all before it.

    Args:
      profiles: oldest first.
    """
    out = []
    for place, profile in enumerate(profiles):
        known = {name: [p.keys[name] for p in profiles[:place] if name in p.keys] for name in profile.keys}
        shares = {name: unseen(keys, known[name]) for name, keys in profile.keys.items() if known[name]}
        out.append(Measured(profile, shares))
    return out


def usuals(day: str, before: Sequence[Measured], accepted: Collection[str] = ()) -> list[Usual]:
    """What a day may be like: the median of the days before, the last same weekday, the last accepted day.

    Args:
      before: oldest first, one at least.
      accepted: days that a person let pass: the world may have changed on them.
    """
    out = [Usual(f"the median of {len(before)} days before", before)]
    weekday = datetime.date.fromisoformat(day).weekday()
    same = [one for one in before if datetime.date.fromisoformat(one.profile.day).weekday() == weekday]
    let_pass = [one for one in before if one.profile.day in accepted]
    return out + [Usual(found[-1].profile.day, found[-1:]) for found in (same, let_pass) if found]
