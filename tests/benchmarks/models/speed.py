"""Speed of all models: training at many scenarios, training without history, inference beside a plain system."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator

import tensorflow as tf
import tf_keras as keras

from scenerank.models.optimizers import build_optimizer
from scenerank.models.registry import MODELS, build_model
from scenerank.models.training import training_model
from scenerank.schemas import load_declaration
from scenerank.schemas.features import FeatureSet, feature_set
from tests.benchmarks.daily.training_speed import random_batches, synthetic_features
from tests.benchmarks.models._bench import NAMES, add_speeds

COMPARED = {"hierrec": "shared_bottom", "musenet": "shared_bottom", "sar_net": "din", "maria": "din", "sfpnet": "din"}
"""Whose inference time is the measure of whose."""
SCENARIOS = (5, 500)
EXEMPT = {
    "cross_stitch": "by definition every layer mixes the towers of all scenarios for every row",
    "aesm2": "by definition the gates of all scenarios decide for every row which experts are its own",
}
"""Systems whose cost has to grow with the scenarios, and why."""
ROUNDS, STEPS = 6, 4
TRAINING_ROWS, CANDIDATES = 4096, 2000
VOCABULARIES = {"age_group": 3, "gender": 2, "age": 7, "occupation": 21, "zip_area": 100, "genres": 301, "year": 81}


def _step(name: str, features: FeatureSet, rows: int, settings: dict | None = None) -> Callable[[], None]:
    """Some train steps of a fresh model on random batches in memory."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(0)
    model = build_model(name, features, settings or {})
    training = training_model(model)
    training.compile(optimizer=build_optimizer(model.settings.optimizer, 1000))
    batches = [tf.nest.map_structure(tf.constant, batch) for batch in random_batches(features, STEPS, rows=rows)]
    step = tf.function(training.train_step, reduce_retracing=True)

    def run() -> None:
        for batch in batches:
            loss = step(batch)["loss"]
        loss.numpy()

    return run


def _best(runs: list[Callable[[], None]], rounds: int = ROUNDS) -> list[float]:
    """Seconds of each, the best of interleaved rounds: other work on the machine then hits all alike."""
    best = [float("inf")] * len(runs)
    for round_ in range(rounds + 1):
        for i, run in enumerate(runs):
            start = time.perf_counter()
            run()
            if round_:  # the first one traces
                best[i] = min(best[i], time.perf_counter() - start)
    return best


def _scaling(name: str) -> Iterator[tuple[str, float | str]]:
    """Rows a second at 500 scenarios over those at 5, batch 4096, history 50."""
    few, many = _best([_step(name, synthetic_features(scenarios), TRAINING_ROWS) for scenarios in SCENARIOS])
    add_speeds("train_scaling", {name: few / many})
    reason = EXEMPT.get(name)
    yield f"train_scaling_{name}", f"{few / many:.4f}, exempt: {reason}" if reason else few / many


def movielens_features() -> FeatureSet:
    """MovieLens-1M without history."""
    declaration = load_declaration("movielens").model_copy(update={"history": None})
    return feature_set(declaration, VOCABULARIES)


def _movielens(name: str) -> Iterator[tuple[str, float]]:
    """Rows a second of training steps, batch 4096, without history."""
    if "history" in MODELS[name].needs:
        return
    (seconds,) = _best([_step(name, movielens_features(), TRAINING_ROWS)])
    speed = TRAINING_ROWS * STEPS / seconds
    add_speeds("train_rows_per_second", {name: speed})
    yield f"train_rows_per_second_{name}", round(speed)


def _inference(name: str) -> Iterator[tuple[str, float]]:
    """Time of a batch of 2000 candidates with history 50 over that of the plain system with the same embeddings."""
    features = synthetic_features(20)
    (batch, _, _) = random_batches(features, 1, rows=CANDIDATES)[0]
    batch = tf.nest.map_structure(tf.constant, batch)

    def call(which: str) -> Callable[[], None]:
        model = build_model(which, features, {"embedding": {"dim": 16}})
        model.fold()
        function = tf.function(lambda inputs: model(inputs, training=False))
        return lambda: [function(batch).numpy() for _ in range(3)] and None

    mine, other = _best([call(name), call(COMPARED[name])], rounds=10)
    add_speeds("inference_ratio", {name: mine / other})
    yield f"inference_ratio_{name}", mine / other


FIGURES: dict[str, Callable[[], Iterator]] = {
    **{f"inference_ratio_{name}": functools.partial(_inference, name) for name in COMPARED},
    **{f"train_scaling_{name}": functools.partial(_scaling, name) for name in NAMES},
    **{f"train_rows_per_second_{name}": functools.partial(_movielens, name) for name in NAMES},
}
