"""Which rows are learned from and which are tested on."""

from __future__ import annotations

from typing import Literal

import numpy as np

Split = Literal["time", "random"]
"""time: the window's last day is the test, the day before it the validation part. random: HierRec's protocol on
KuaiRand, the rows of the window's five largest scenarios, 8:1:1 whatever their time. What a row tells (histories,
rates) is of before it in either; but a model of a random split has learned from the test rows' days and from users'
later clicks, which no model in service has: its figures compare models, and do not foretell service."""

LARGEST = 5
TENTHS = {"train": 8, "validation": 1, "test": 1}
SEED = 0


def suffix(split: Split) -> str:
    """What tells the split in names of files and data; nothing if by time."""
    return "" if split == "time" else f"_{split}"


def random_rows(scenarios: np.ndarray) -> dict[str, np.ndarray]:
    """Rows of each part, the same for the same rows.

    Args:
      scenarios: of all rows, `[N]`, of any kind.

    Returns:
      int64, ascending, by part: together all rows of the LARGEST scenarios (all of them where there are fewer).
    """
    names, index, count = np.unique(scenarios, return_inverse=True, return_counts=True)
    largest = np.argsort(-count, kind="stable")[: min(LARGEST, len(names))]
    kept = np.random.default_rng(SEED).permutation(np.flatnonzero(np.isin(index, largest)))
    ends = np.cumsum(list(TENTHS.values())) * len(kept) // sum(TENTHS.values())
    return dict(zip(TENTHS, map(np.sort, np.split(kept, ends[:-1]))))
