"""Days in two folds, so that each can be scored by a model that did not learn from it."""

from __future__ import annotations

from collections.abc import Sequence

ALL = -1


def of_fold(days: Sequence[str], fold: int) -> list[str]:
    """Every other day, beginning with the first (fold 0) or the second (1); all of them for `ALL`."""
    return list(days if fold == ALL else days[fold::2])
