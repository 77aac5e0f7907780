"""Samples of keys by the smallest of their hashes: bounded, and the same however the rows are divided.

Two such samples can be compared without a guess: below the smaller of their largest hashes each holds every key of its
day (Beyer et al., SIGMOD 2007).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from scenerank.components.records.profile import KeySample

SIZE = 2048
"""Keys of a sample; a share of them has a standard error of 0.011 at most."""


def smallest(parts: Iterable[np.ndarray]) -> np.ndarray:
    """The `SIZE` smallest distinct hashes of several uint64 `[N]`, ascending, and one more where there are more."""
    return np.unique(np.concatenate([*parts]))[: SIZE + 1]


def sample(hashes: np.ndarray) -> KeySample:
    """Of what `smallest` gives."""
    return KeySample(hashes=hashes[:SIZE].tolist(), complete=len(hashes) <= SIZE)


def unseen(today: KeySample, before: Sequence[KeySample]) -> tuple[float, int]:
    """Share of the day's keys that no day before had, and of how many keys that is a share; 0 of none."""
    bounds = [one.hashes[-1] for one in (today, *before) if not one.complete]
    mine, *known = (np.array(one.hashes, np.uint64) for one in (today, *before))
    if bounds:
        mine = mine[mine <= np.uint64(min(bounds))]
    return (float((~np.isin(mine, np.concatenate(known))).mean()), len(mine)) if len(mine) else (0.0, 0)
