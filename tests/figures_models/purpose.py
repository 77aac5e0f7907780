"""Whether scenarios that MuseNet learns by itself are the hidden purposes of the simulator's trips."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.benchmark.explaining import hidden_purpose_ari
from tests.figures_models._bench import bench


def purpose() -> Iterator[tuple[str, float]]:
    """Adjusted Rand index on the simulator's last day; the model is not told the scenario."""
    yield "hidden_purpose_ari", hidden_purpose_ari(bench("simulator"))["adjusted_rand"]


FIGURES = {"hidden_purpose_ari": purpose}
