"""What a page is made of, and how numbers are written on it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Literal, TypeGuard

from scenerank.errors import WorkspaceError

Tone = Literal["", "good", "bad", "quiet"]
NOTHING = "–"


class Missing(WorkspaceError):
    """A part of the report that cannot be drawn from what the workspace holds; the message says why."""


@dataclasses.dataclass(frozen=True)
class Cell:
    """A table's entry whose colour says something."""

    text: str
    tone: Tone = ""


@dataclasses.dataclass(frozen=True)
class Figure:
    """A drawing.

    Attributes:
      title: what it shows.
      caption: one sentence on how to read it.
      svg: markup, see `style.draw`.
    """

    title: str
    caption: str
    svg: str


@dataclasses.dataclass(frozen=True)
class Table:
    """Rows of text.

    Attributes:
      columns: headings.
      rows: as many entries each.
      text_columns: the first so many are words, aligned left; the rest are numbers, aligned right.
      emphasis: whether the first row is the sum of the others.
    """

    title: str
    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str | Cell]]
    text_columns: int = 1
    emphasis: bool = False


@dataclasses.dataclass(frozen=True)
class Note:
    """A sentence; what stands where a part is missing."""

    text: str


@dataclasses.dataclass(frozen=True)
class Section:
    """A heading with what belongs under it."""

    name: str
    title: str
    lead: str
    blocks: Sequence[Figure | Table | Note]


@dataclasses.dataclass(frozen=True)
class Tile:
    """A key number and how it compares."""

    label: str
    value: str
    comparison: str = ""
    tone: Tone = ""


def present(value: float | None) -> TypeGuard[float]:
    """Whether it is a number that can be written."""
    return value is not None and math.isfinite(value)


def decimal(value: float | None, digits: int = 4) -> str:
    """`0.7312`; a dash where there is no such number."""
    return f"{value:,.{digits}f}".replace("-", "−") if present(value) else NOTHING


def signed(value: float | None, digits: int = 4) -> str:
    """`+0.0021`."""
    return f"{value:+.{digits}f}".replace("-", "−") if present(value) else NOTHING


def count(value: float | None) -> str:
    """`12,345`."""
    return f"{value:,.0f}".replace("-", "−") if present(value) else NOTHING


def percent(value: float | None, digits: int = 2) -> str:
    """`1.25 %` of a share."""
    return f"{value * 100:.{digits}f} %".replace("-", "−") if present(value) else NOTHING


def short(text: str, length: int = 22) -> str:
    """At most `length` characters, for labels."""
    return text if len(text) <= length else text[: length - 1] + "…"


def listed(names: Sequence[str], most: int = 12) -> str:
    """`a, b, c`, and how many more there are."""
    shown = ", ".join(short(name, 40) for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def difference(value: float | None, other: float | None) -> float | None:
    """None where either is."""
    return value - other if present(value) and present(other) else None


def tone(gain: float | None, tolerance: float = 5e-5) -> Tone:
    """Colour of a gain: what would be shown as 0 has none."""
    if not present(gain) or abs(gain) < tolerance:
        return ""
    return "good" if gain > 0 else "bad"
