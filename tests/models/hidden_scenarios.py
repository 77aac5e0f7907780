"""Rows of four scenarios that no column names: which one, the context hints at; what is clicked depends on it."""

from __future__ import annotations

import dataclasses

import numpy as np
import tensorflow as tf
import tf_keras as keras
from sklearn.metrics import adjusted_rand_score, roc_auc_score

from scenerank.models.musenet import MuseNet, MuseNetTraining
from scenerank.models.optimizers import build_optimizer
from scenerank.models.training import training_model
from scenerank.schemas.features import Feature, FeatureSet

HINTS, TASTES = 6, 4
LIKED = 1.5 * np.array([[1, 1, 0, 0], [-1, 0, 1, 0], [0, -1, 0, 1], [0, 0, -1, -1]])
"""What an item's four numbers are worth in each scenario."""
ROWS, BATCH, STEPS = 60_000, 512, 400
SETTINGS = {
    "embedding": {"dim": 2, "numeric_start": 1.0},
    "units": [8],
    "given_scenario": False,
    "optimizer": {"learning_rate": 0.005},
}


@dataclasses.dataclass(frozen=True)
class Rows:
    """Features `[N]` by name, clicks float32 `[N]`, their probabilities and the hidden scenarios, int64 `[N]`."""

    features: dict[str, np.ndarray]
    clicks: np.ndarray
    probabilities: np.ndarray
    scenarios: np.ndarray


def features() -> FeatureSet:
    columns = [
        Feature("user", "user", True, 50, "user", "user"),
        Feature("item", "item", True, 50, "item", "item"),
        Feature("page", "scenario", True, 3, "page", "page"),
        *(Feature(f"hint_{i}", "context", False, 1, f"hint_{i}", f"hint_{i}") for i in range(HINTS)),
        *(Feature(f"taste_{i}", "item", False, 1, f"taste_{i}", f"taste_{i}") for i in range(TASTES)),
    ]
    return FeatureSet(tuple(columns), "page", "item", "user", 0)


def rows(count: int, seed: int) -> Rows:
    """Rows of one and the same world."""
    centres = 1.2 * np.random.default_rng(0).normal(size=(4, HINTS))
    random = np.random.default_rng(seed)
    scenarios = random.integers(0, 4, count)
    hints = (centres[scenarios] + 0.4 * random.normal(size=(count, HINTS))).astype("f4")
    tastes = random.normal(size=(count, TASTES)).astype("f4")
    probabilities = 1 / (1 + np.exp(-(LIKED[scenarios] * tastes).sum(1)))
    columns = {name: random.integers(1, size, count) for name, size in (("user", 50), ("item", 50), ("page", 3))}
    columns |= {f"hint_{i}": hints[:, i] for i in range(HINTS)} | {f"taste_{i}": tastes[:, i] for i in range(TASTES)}
    return Rows(columns, (random.random(count) < probabilities).astype("f4"), probabilities, scenarios)


def learned(seed: int = 0, **settings: object) -> MuseNetTraining:
    """MuseNet, trained on these rows."""
    keras.utils.set_random_seed(seed)
    model = MuseNet(features(), {**SETTINGS, **settings})
    model.build_weights()
    training = training_model(model)
    training.compile(optimizer=build_optimizer(model.settings.optimizer, STEPS))
    seen = rows(ROWS, seed=1)
    data = tf.data.Dataset.from_tensor_slices((seen.features, seen.clicks, np.ones(ROWS, "f4")))
    data = data.shuffle(ROWS, seed=seed).repeat().batch(BATCH)
    training.fit(data, steps_per_epoch=STEPS, verbose=0)
    return training


def found(model: MuseNet) -> dict[str, float]:
    """`auc` and `rand`, the adjusted Rand index of learned and hidden scenarios, on other rows."""
    others = rows(5000, seed=2)
    batch = {name: tf.constant(values) for name, values in others.features.items()}
    chosen = model.assignments(batch).shares.numpy().argmax(1)
    return {
        "auc": roc_auc_score(others.clicks, model(batch).numpy()),
        "rand": adjusted_rand_score(others.scenarios, chosen),
    }
