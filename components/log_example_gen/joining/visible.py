"""Of a user's behaviors the last ones that were known at a moment, where they become known in another order than they
happened, or for a time only."""

from __future__ import annotations

import numpy as np


def last_visible(
    first: np.ndarray, end: np.ndarray, moments: np.ndarray, known: np.ndarray, until: np.ndarray, length: int
) -> tuple[np.ndarray, np.ndarray]:
    """The last `length` places `p` of each range with `known[p] <= moment < until[p]`.

    Looks at twice as many places as are wanted, from the end, and at as many before for the ranges that lack some.

    Args:
      first, end: int64 `[N]`, ranges.
      moments: int64 `[N]`.
      known, until: int64 `[M]`.

    Returns:
      int64 `[N]`, how many of each range, and int64, their places, a range after the other, ascending.
    """
    left, count = end.copy(), np.zeros(len(end), np.int64)
    found_of, found = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    active = np.flatnonzero(left > first)
    while len(active):
        begin = np.maximum(first[active], left[active] - 2 * length)
        size = left[active] - begin
        of = np.repeat(np.arange(len(active)), size)
        place = np.arange(size.sum()) + np.repeat(begin - np.append(0, np.cumsum(size)[:-1]), size)
        at = moments[active][of]
        seen = (known[place] <= at) & (at < until[place])
        of, place = of[seen], place[seen]
        here = np.bincount(of, minlength=len(active))
        from_end = np.cumsum(here)[of] - np.arange(len(of))
        wanted = from_end + count[active][of] <= length
        found_of.append(active[of[wanted]])
        found.append(place[wanted])
        count[active] = np.minimum(count[active] + here, length)
        left[active] = begin
        active = active[(count[active] < length) & (begin > first[active])]
    of, place = np.concatenate(found_of), np.concatenate(found)
    return count, place[np.lexsort((place, of))]
