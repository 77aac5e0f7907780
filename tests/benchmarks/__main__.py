"""Measures what the documents claim: `python -m tests.benchmarks daily [NAME ...]` prints lines.

Each module of the sub-package has `FIGURES`, a dict from the name of a figure to the function that measures it; the
function yields (name, value) pairs, and figures that one function measures together share it. Those in `ON_DEMAND` are
measured only when named.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
import time
from collections.abc import Callable, Iterable

Measure = Callable[[], Iterable[tuple[str, float | int | str]]]


def collect(package: str, table: str = "FIGURES") -> dict[str, Measure]:
    """Figures of all modules of a package, by name."""
    found: dict[str, Measure] = {}
    for info in pkgutil.iter_modules(importlib.import_module(package).__path__):
        if not info.name.startswith("_"):
            found |= getattr(importlib.import_module(f"{package}.{info.name}"), table, {})
    return found


def main(package: str, names: list[str]) -> int:
    usual = collect(package)
    figures = {**usual, **collect(package, "ON_DEMAND")}
    unknown = [name for name in names if name not in figures]
    if unknown:
        print(f"no figure {unknown[0]!r}; there are: {' '.join(figures)}", file=sys.stderr)
        return 2
    done: list[Measure] = []
    failed = 0
    for name in names or usual:
        if figures[name] in done:
            continue
        done.append(figures[name])
        started = time.monotonic()
        try:
            for measured, value in figures[name]():
                shown = f"{value:.4f}" if isinstance(value, float) else value
                print(f"{measured}: {shown}", flush=True)
        except Exception as error:
            failed = 1
            print(f"{name}: failed, {type(error).__name__}: {str(error).splitlines()[0]}", flush=True)
        print(f"  ({name} took {time.monotonic() - started:.0f} s)", file=sys.stderr, flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main(f"tests.benchmarks.{sys.argv[1]}", sys.argv[2:]))
