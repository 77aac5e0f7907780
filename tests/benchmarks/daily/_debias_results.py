"""Results of trainings on simulated platforms, kept: what was measured before is not measured again."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import pathlib
from collections.abc import Iterable

import numpy as np

from scenerank.pipeline.config import load_config
from tests.benchmarks.daily._debias import DAYS, IMPRESSIONS, KINDS, World, build_world, correlations, outcome

KEPT = pathlib.Path(__file__).parents[3] / "docs/benchmarks/debias.jsonl"
"""A line a training: key, strength, seed, ranker, kind and what `outcome` or `correlations` says. Delete those whose
code changed."""
READINGS = ("exposure", "flag", "score")

TRAINED = {"model", "model_settings", "batch_size", "epochs_without_validation", "seed"}
"""Fields of `TrainerSettings` that such a training depends on."""

Outcome = dict[str, float]


def measured(strength: float, seed: int, names: Iterable[str], ranker: str = "taste") -> dict[str, Outcome]:
    """Outcomes of kinds of training and of `READINGS` of the coefficient, by name."""
    keys = {name: _key(strength, seed, ranker, name) for name in names}
    kept = _read()
    for name, key in keys.items():
        if key not in kept:
            world = _world(strength, seed, ranker)
            kept[key] = correlations(world, name) if name in READINGS else outcome(world, KINDS[name])
            line = {"key": key, "strength": strength, "seed": seed, "ranker": ranker, "kind": name, **kept[key]}
            with KEPT.open("a") as stream:
                stream.write(json.dumps(line) + "\n")
    return {name: kept[key] for name, key in keys.items()}


def _key(strength: float, seed: int, ranker: str, name: str) -> str:
    """Digest of all settings that a result depends on."""
    config = load_config("simulator")
    fairness = config.model_dump_json(include={"fairness"})
    told = [DAYS, IMPRESSIONS, strength, seed, ranker, config.declared.digest, fairness]
    trained = config.trainer.model_dump(mode="json", include=TRAINED)
    if name in READINGS:
        return _digest([*told, name, *([trained] if name == "score" else [])])
    kind = dataclasses.asdict(KINDS[name])
    if kind["debias"] is None:
        kind["debias"] = config.trainer.debias.model_dump(mode="json")
    return _digest([*told, kind, trained])


def _digest(parts: list) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def _read() -> dict[str, Outcome]:
    found, told = {}, ("strength", "seed", "ranker", "kind")
    for line in KEPT.read_text().splitlines() if KEPT.exists() else ():
        row = json.loads(line)
        found[row.pop("key")] = {k: v for k, v in row.items() if k not in told}
    return found


@functools.lru_cache(1)
def _world(strength: float, seed: int, ranker: str) -> World:
    return build_world(strength, seed, ranker)


def mean(values: Iterable[float]) -> tuple[float, float]:
    """Mean and its standard error."""
    found = np.array(list(values))
    return float(found.mean()), float(found.std(ddof=1) / np.sqrt(len(found)))
