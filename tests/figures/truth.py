"""How near models come to the simulator's truth, and what debiasing does to that."""

from __future__ import annotations

import pathlib
import tempfile
from collections.abc import Iterator

import numpy as np

from components.report.truth import share_of_oracle
from components.sources.simulator.oracle import oracle_auc
from tests.figures._command import run_record, scenerank

LAST = "2024-03-08"
SEEDS, STRENGTH = 5, 4.0
CURVE = {0.0: 3, 1.0: 3, 2.0: 3, STRENGTH: SEEDS, 8.0: 3}
"""Seeds by strength of the promotions."""
DOCS = pathlib.Path(__file__).parents[2] / "docs"


def oracle_share() -> Iterator[tuple[str, float]]:
    """AUC above 0.5 as a share of the oracle's: 8 days of 100,000 impressions, the pipeline run for the last."""
    with tempfile.TemporaryDirectory() as folder:
        scenerank("simulate", "-w", folder)
        scenerank("run", "-w", folder, "-c", "simulator", "--day", LAST, allowed=(0, 4))
        auc = run_record(folder, LAST)["metrics"]["slices"][""]["candidate"]["auc"]
        yield "oracle_share", share_of_oracle(auc, oracle_auc(folder, LAST)["overall"])


def debias(seeds: int = SEEDS) -> Iterator[tuple[str, float]]:
    """With bias nets and weighting against without, five worlds with promotions of strength 4.

    A world: 20 scenarios, 20,000 users, 2,000 items; 3 days of 50,000 impressions to train on, two of them with
    promotions, and a fourth to rank. A first model, trained without debiasing, scores the days; its scores give the
    coefficients with which the second is trained, otherwise alike.
    """
    from tests.figures._debias import build_world, compare

    found = [compare(build_world(STRENGTH, seed)) for seed in range(seeds)]
    on, off = [f["on"] for f in found], [f["off"] for f in found]
    gains = np.array([a["auc"] - b["auc"] for a, b in zip(on, off)])
    yield "debias_auc_gain", float(gains.mean())
    yield "debias_auc_gain_stderr", float(gains.std(ddof=1) / np.sqrt(seeds))
    yield "debias_exposure_error", float(np.mean([a["exposure_error"] for a in on]))
    yield "debias_exposure_error_off", float(np.mean([a["exposure_error"] for a in off]))


def debias_curve() -> Iterator[tuple[str, float]]:
    """As `debias` at five strengths, and at 4 the parts alone and sub-sampling; writes `docs/debias.*`."""
    from tests.figures import _debias_curve
    from tests.figures._debias import build_world, compare

    results = {
        strength: [compare(build_world(strength, seed), ablations=strength == STRENGTH) for seed in range(seeds)]
        for strength, seeds in CURVE.items()
    }
    _debias_curve.write(results, STRENGTH, DOCS)
    for strength, found in results.items():
        gain = float(np.mean([one["on"]["auc"] - one["off"]["auc"] for one in found]))
        yield f"debias_auc_gain_at_{strength:g}", gain


FIGURES = {
    "oracle_share": oracle_share,
    "debias_auc_gain": debias,
    "debias_auc_gain_stderr": debias,
    "debias_exposure_error": debias,
    "debias_exposure_error_off": debias,
}
ON_DEMAND = {"debias_curve": debias_curve}
"""Measured only when named: it takes half an hour."""
