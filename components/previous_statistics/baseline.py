"""Chooses the statistics that a day is compared with."""

from __future__ import annotations

from scenerank.components.transfer import mirror
from scenerank.components.workspace import Workspace


def fetch(workspace: Workspace, day: str, own: str, target: str) -> str | None:
    """Brings the statistics of the latest published day before `day` to folder `target`.

    Args:
      own: folder of the day's own statistics, taken where no earlier day is published.

    Returns:
      The day chosen; None for its own.
    """
    earlier = max((d for d in workspace.days("examples") if d < day), default=None)
    mirror(f"{workspace.day('examples', earlier)}/statistics" if earlier else own, target)
    return earlier
