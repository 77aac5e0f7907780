"""What a published day was made of."""

from __future__ import annotations

from typing import ClassVar

from scenerank.components.records.record import Record

_TOLD = 3


class DayOrigin(Record):
    """`origin.json` of a published day.

    Attributes:
      data_set: the declaration's name.
      parts: digest of all that the day's examples depend on but logs, by what it is.
      files: of the day's logs, size in bytes and SHA-256 by path below the workspace.
      late: the same of its rows that came with later days, by these.
      earlier: digest of the logs of each earlier day that was read.
      code_version: of this package; another one alone makes no day anew.
    """

    FILE: ClassVar[str] = "origin.json"
    day: str = ""
    data_set: str = ""
    parts: dict[str, str] = {}
    files: dict[str, tuple[int, str]] = {}
    late: dict[str, tuple[int, str]] = {}
    earlier: dict[str, str] = {}
    code_version: str = ""

    def changes(self, now: DayOrigin) -> list[str]:
        """What is not as it was when the day was published, of what it would be made of `now`; a sentence's half each.

        Late rows are no change: they wait until the day is run again. Nor are logs that were deleted as whole days, as
        the day would lose by being made again.
        """
        found = [f"{what} changed" for what in sorted(now.parts) if self.parts.get(what) != now.parts[what]]
        if now.files:
            found += _listed("changed", [f for f in self.files if f in now.files and self.files[f] != now.files[f]])
            found += _listed("came", [f for f in now.files if f not in self.files])
            found += _listed("gone", [f for f in self.files if f not in now.files])
        days = [d for d in now.earlier if self.earlier.get(d) != now.earlier[d]]
        found += _listed("changed", [f"the logs of {d}" for d in days if d in self.earlier])
        found += _listed("came", [f"the logs of {d}" for d in days if d not in self.earlier])
        return found


def _listed(what: str, names: list[str]) -> list[str]:
    if not names:
        return []
    more = f" and {len(names) - _TOLD} more" if len(names) > _TOLD else ""
    verb = {"changed": "changed", "came": "came later", "gone": "is gone" if len(names) == 1 else "are gone"}[what]
    return [f"{', '.join(names[:_TOLD])}{more} {verb}"]
