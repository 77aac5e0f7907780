"""Whether scenarios that MuseNet learns by itself are the hidden purposes of the simulator's trips."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import adjusted_rand_score

from scenerank.models.registry import build_model
from scenerank.pipeline.compare.data import read
from scenerank.pipeline.compare.data_sets import DATA_SETS
from scenerank.pipeline.explain.command import hidden_purpose_ari
from scenerank.pipeline.explain.learned_scenarios import purposes
from scenerank.pipeline.explain.subject import Subject
from tests.benchmarks.models._bench import SEEDS, bench

FEW_VALUES = 40
"""Columns of behaviors with at most so many values are told to the trees as shares of each value."""


def purpose() -> Iterator[tuple[str, float]]:
    """Adjusted Rand index on the simulator's last day; the model is not told the scenario."""
    found = [hidden_purpose_ari(bench("simulator"), seed)["adjusted_rand"] for seed in range(SEEDS)]
    yield "hidden_purpose_ari", statistics.fmean(found)
    yield "hidden_purpose_ari_stderr", statistics.stdev(found) / len(found) ** 0.5


def told() -> Iterator[tuple[str, float]]:
    """The same of trees that are told the purposes of half of the users and judged on the other half, from all inputs
    of the model, the scenario and the click: how much of the purposes can be known at all."""
    opened = bench("simulator")
    prepared = read(opened.prepared)
    model = build_model("musenet", prepared.features, {})
    subject = Subject(model, prepared, opened.config.declared, f"{opened.out}/workspace", DATA_SETS["simulator"].day)
    found, inputs = purposes(subject), _inputs(subject)
    half = prepared.test.integer_column(prepared.features.user) % 2 == 0
    trees = HistGradientBoostingClassifier(random_state=0).fit(inputs[half], found[half])
    yield "hidden_purpose_ari_told", adjusted_rand_score(found[~half], trees.predict(inputs[~half]))


def _inputs(subject: Subject) -> np.ndarray:
    """Features of the test rows side by side, float `[N, any]`; of behaviors the shares of values."""
    test = subject.prepared.test
    splits, events = test.splits.numpy(), test.events_integers.numpy()
    count = np.diff(splits)
    row = np.repeat(np.arange(test.rows), count)
    sequences = [f for f in test.features.features if f.sequence and f.categorical]
    shares = [
        np.bincount(row, events[: splits[-1], place] == value, test.rows) / np.maximum(count, 1)
        for place, feature in enumerate(sequences)
        for value in range(feature.size if feature.size <= FEW_VALUES else 0)
    ]
    return np.column_stack([test.integers.numpy(), test.floats.numpy(), count, *shares])


FIGURES = {"hidden_purpose_ari": purpose, "hidden_purpose_ari_told": told}
