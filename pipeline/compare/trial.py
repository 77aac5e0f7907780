"""One process of a benchmark: trains a model with each of some seeds and prints the results.

`python -m scenerank.pipeline.compare.trial FOLDER`, a list of trials as JSON on standard input; a line `RESULT {...}`
on standard output for each, and `PROGRESS {...}` while one is under way.
"""

from __future__ import annotations

import dataclasses
import json
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from scenerank.components.fairness_coefficient.settings import FairnessSettings
from scenerank.components.trainer.input.distributed import DistributedInput
from scenerank.components.trainer.input.in_memory import InMemorySplit
from scenerank.components.trainer.input.splits import TrainingInput
from scenerank.components.trainer.loop.building import build_training, start_afresh
from scenerank.components.trainer.loop.fitting import fit, refit
from scenerank.components.trainer.loop.progress import ProgressLog, watched_by
from scenerank.components.trainer.settings import TrainerSettings
from scenerank.models.base import RankingModel
from scenerank.models.training import TrainingModel
from scenerank.pipeline.compare.coefficients import by_folds, by_score, subsampled
from scenerank.pipeline.compare.data import Prepared, read
from scenerank.pipeline.compare.measures import measure
from scenerank.pipeline.compare.settings import Trial

INFERENCE_ROWS, INFERENCE_CALLS = 2000, 15
TIMED_STEPS = 8


def run_trial(prepared: Prepared, trial: Trial, single_rows: int) -> dict[str, Any]:
    """Trains and tests.

    Args:
      single_rows: training rows below which a scenario has no model of its own in protocol `single`.

    Returns:
      metrics of the test part, of all and by scenario, and what the training cost.
    """
    started = time.monotonic()
    if trial.protocol == "single":
        scores, facts = _by_scenario(prepared, trial, single_rows)
    else:
        features = prepared.features.without_scenario() if trial.protocol == "mix" else prepared.features
        train, held = (dataclasses.replace(s, features=features) for s in (prepared.train, prepared.validation))
        model, training, facts = trained(trial, train, held, prepared.days)
        scores = scores_of(model, prepared.test)
        facts |= _speed(model, training, prepared, trial)
    label = prepared.test.labels
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "metrics": measure(label, scores, prepared.facts),
        **facts,
        "peak_mb": round(kilobytes / 1024),
        "seconds": round(time.monotonic() - started, 1),
    }


Trained = tuple[RankingModel, TrainingModel, dict[str, Any]]
"""The model, what trained it, and facts: `validation_auc`, `epochs`, `parameters`, `watched` (means over the last pass
of what `TrainingModel.watched` names)."""


def trained(trial: Trial, train: InMemorySplit, validation: InMemorySplit, days: np.ndarray) -> Trained:
    """Trains a model; where Fairness Coefficients are to come from scores, those are of models of the other days.

    Args:
      train: with the coefficients that ingestion gave them, by exposure.
      days: integers `[N]`, of the training rows.
    """
    if trial.numerator == "score" and trial.uses_coefficients:
        train = train.with_coefficients(_by_score(trial, train, validation, days))
    if trial.over_exposed_share < 1:
        train = subsampled(train, trial.over_exposed_share, trial.seed)
    return _fitted(trial, train, validation)


def _by_score(trial: Trial, train: InMemorySplit, validation: InMemorySplit, days: np.ndarray) -> np.ndarray:
    plain = dataclasses.replace(trial, trainer={**trial.trainer, "debias": {}})

    def score(learn: np.ndarray, held: np.ndarray) -> np.ndarray:
        model, _, _ = _fitted(plain, train.take(learn), validation)
        return scores_of(model, train.take(held))

    scenarios, items = train.scenarios.astype(np.int64), train.integer_column(train.features.item).astype(np.int64)
    scored = by_folds(days, score) if len(np.unique(days)) > 1 else np.ones(train.rows)
    return by_score(days, scenarios, items, scored, FairnessSettings(numerator="score"))


def _fitted(trial: Trial, train: InMemorySplit, validation: InMemorySplit) -> Trained:
    settings = TrainerSettings.model_validate(
        {**trial.trainer, "model": trial.model, "model_settings": trial.settings, "seed": trial.seed}
    )
    start_afresh(settings)
    training = build_training(settings, train.features, train.clicks / train.rows)
    model = training.serving
    feed = DistributedInput(TrainingInput(train, validation), settings)
    with tempfile.TemporaryDirectory() as folder:
        log = ProgressLog(f"{folder}/progress.jsonl")
        fitted = fit(training, feed, settings, f"{folder}/checkpoint", None, log)
        if feed.refit_steps:
            refit(training, feed, log)
    validated = [epoch["val_auc"] for epoch in fitted["epochs"] if "val_auc" in epoch]
    return (
        model,
        training,
        {
            "validation_auc": max(validated, default=None),
            "epochs": len(fitted["epochs"]),
            "parameters": model.count_params(),
            "watched": {name: fitted["epochs"][-1][name] for name in training.watched_metrics},
        },
    )


def scores_of(model: RankingModel, part: InMemorySplit, rows: int = 8192) -> np.ndarray:
    """Click probabilities of all rows, float32 `[N]`."""
    score = tf.function(lambda batch: tf.sigmoid(model(batch, training=False)), reduce_retracing=True, autograph=False)
    return np.concatenate([score(batch).numpy() for batch, _, _ in part.evaluation(part.steps(rows))])


def _by_scenario(prepared: Prepared, trial: Trial, least: int) -> tuple[np.ndarray, dict[str, Any]]:
    """A model for every scenario; where there are too few rows for one, the click rate of training."""
    scores = np.full(prepared.test.rows, prepared.train.clicks / prepared.train.rows)
    parameters, validated, scenario_models = 0, [], 0
    for scenario in np.unique(prepared.train.scenarios):
        train, validation, test = (
            np.flatnonzero(part.scenarios == scenario) for part in (prepared.train, prepared.validation, prepared.test)
        )
        own = prepared.train.take(train)
        if len(train) < least or not len(test) or own.clicks in (0, own.rows):
            continue
        model, _, facts = trained(trial, own, prepared.validation.take(validation), prepared.days[train])
        scores[test] = scores_of(model, prepared.test.take(test))
        parameters += facts["parameters"]
        scenario_models += 1
        if facts["validation_auc"] is not None:
            validated.append(facts["validation_auc"])
    mean = statistics.fmean(validated) if validated else None
    return scores, {"validation_auc": mean, "parameters": parameters, "scenario_models": scenario_models}


def _speed(model: RankingModel, training: TrainingModel, prepared: Prepared, trial: Trial) -> dict[str, float]:
    """Rows that further training steps take a second, and milliseconds of a request of 2000 candidates."""
    size = trial.trainer.get("batch_size", TrainerSettings().batch_size)
    batches = prepared.train.training(prepared.train.steps(size), seed=trial.seed).take(TIMED_STEPS + 2)
    step = training.make_train_function()
    iterator = iter(batches)
    for _ in range(2):
        step(iterator)
    start = time.perf_counter()
    for _ in range(TIMED_STEPS):
        logs = step(iterator)
    float(logs["loss"])
    rows = size * TIMED_STEPS / (time.perf_counter() - start)
    request, _, _ = prepared.test.batch(tf.range(min(INFERENCE_ROWS, prepared.test.rows), dtype=tf.int64))
    call = tf.function(lambda batch: model(batch, training=False), autograph=False)
    times = []
    for _ in range(INFERENCE_CALLS + 1):
        start = time.perf_counter()
        call(request).numpy()
        times.append(time.perf_counter() - start)
    return {"rows_per_second": round(rows), "inference_ms": round(1000 * statistics.median(times[1:]), 2)}


def main(folder: str) -> None:
    """Runs the trials of standard input on what lies in `folder`."""
    jobs = json.load(sys.stdin)
    say = printer()
    prepared = read(folder)
    for job in jobs["trials"]:
        trial = Trial(**job)

        def tell(event: dict[str, Any], seed: int = trial.seed) -> None:
            say("PROGRESS", {"seed": seed, **event})

        with watched_by(tell):
            say("RESULT", {"key": trial.key, **job, **run_trial(prepared, trial, jobs["single_rows"])})


def printer() -> Callable[[str, dict[str, Any]], None]:
    """What writes the lines that the starting process reads: a word and an object."""

    def say(kind: str, what: dict[str, Any]) -> None:
        print(kind, json.dumps(what), flush=True)

    return say


if __name__ == "__main__":
    main(sys.argv[1])
