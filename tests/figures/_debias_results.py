"""Results of trainings on simulated platforms, kept: what was measured before is not measured again."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import pathlib
from collections.abc import Iterable

import numpy as np

from pipeline.config import load_config
from tests.figures._debias import DAYS, IMPRESSIONS, KINDS, World, build_world, calibration, correlations, outcome

KEPT = pathlib.Path(__file__).parents[2] / "docs/debias.jsonl"
"""A line a training: key, strength, seed, kind and what `outcome`, `correlations` or `calibration` says. Delete
those whose code changed."""
READINGS = ("exposure", "flag", "score")
CALIBRATION = "calibration"

TRAINED = {"model", "model_settings", "batch_size", "epochs_without_validation", "seed"}
"""Fields of `TrainerSettings` that such a training depends on."""

Outcome = dict[str, float]


def measured(strength: float, seed: int, names: Iterable[str]) -> dict[str, Outcome]:
    """Outcomes of kinds of training, of `READINGS` of the coefficient and of `CALIBRATION`, by name."""
    keys = {name: _key(strength, seed, name) for name in names}
    kept = _read()
    for name, key in keys.items():
        if key not in kept:
            kept[key] = _measure(strength, seed, name)
            line = {"key": key, "strength": strength, "seed": seed, "kind": name, **kept[key]}
            with KEPT.open("a") as stream:
                stream.write(json.dumps(line) + "\n")
    return {name: kept[key] for name, key in keys.items()}


def _key(strength: float, seed: int, name: str) -> str:
    """Digest of all settings that a result depends on."""
    config = load_config("simulator")
    told = [DAYS, IMPRESSIONS, strength, seed, config.declared.digest, config.model_dump_json(include={"fairness"})]
    if name in READINGS:
        return _digest([*told, name])
    kind = {"calibration": True, "debias": None} if name == CALIBRATION else dataclasses.asdict(KINDS[name])
    if kind["debias"] is None:
        kind["debias"] = config.trainer.debias.model_dump(mode="json")
    return _digest([*told, kind, config.trainer.model_dump(mode="json", include=TRAINED)])


def _digest(parts: list) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def _read() -> dict[str, Outcome]:
    found = {}
    for line in KEPT.read_text().splitlines() if KEPT.exists() else ():
        row = json.loads(line)
        found[row.pop("key")] = {k: v for k, v in row.items() if k not in ("strength", "seed", "kind")}
    return found


@functools.lru_cache(1)
def _world(strength: float, seed: int) -> World:
    return build_world(strength, seed)


def _measure(strength: float, seed: int, name: str) -> Outcome:
    world = _world(strength, seed)
    if name == CALIBRATION:
        return calibration(world)
    return correlations(world, name) if name in READINGS else outcome(world, KINDS[name])


def mean(values: Iterable[float]) -> tuple[float, float]:
    """Mean and its standard error."""
    found = np.array(list(values))
    return float(found.mean()), float(found.std(ddof=1) / np.sqrt(len(found)))
