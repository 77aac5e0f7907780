"""What may be known of a day beside its logs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from scenerank.pipeline.drawing.page import Section
from scenerank.pipeline.report.run import Run

if TYPE_CHECKING:
    import pandas as pd


class More(NamedTuple):
    """A section of its own. Attributes: name: on the page; title; make: draws it."""

    name: str
    title: str
    make: Callable[[], Section]


class Known(NamedTuple):
    """Of a day whose truth is known, as a simulated one's is; by default nothing.

    Attributes:
      oracle: AUC of the true click probability by scenario and `overall`.
      promotions: pairs under promotion: scenario, item, boosted (impressions pushed).
      sections: what else there is to show.
    """

    oracle: Mapping[str, float] = {}
    promotions: pd.DataFrame | None = None
    sections: Sequence[More] = ()


Knowing = Callable[[Run], Known]


def nothing(run: Run) -> Known:
    """What is known of a real day."""
    return Known()
