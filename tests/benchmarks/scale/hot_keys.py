"""Memory of workers, beside what their program needs, on a day with hot keys and on one of as many rows without."""

from __future__ import annotations

import pathlib
import tempfile
from collections.abc import Iterator

from tests.pipeline import hot_days


def hot_keys() -> Iterator[tuple[str, float]]:
    """MiB above a worker on a tiny day; and the bound that the largest partition of users allows."""
    with tempfile.TemporaryDirectory() as folder:
        peaks = hot_days.peaks(pathlib.Path(folder))
    yield "even_keys_peak_mib", peaks["even"].mib - peaks["tiny"].mib
    yield "hot_key_peak_mib", peaks["hot"].mib - peaks["tiny"].mib
    yield "hot_key_bound_mib", hot_days.bound_mib(peaks["hot"])


FIGURES = dict.fromkeys(("even_keys_peak_mib", "hot_key_peak_mib", "hot_key_bound_mib"), hot_keys)
