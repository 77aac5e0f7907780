"""Trials on prepared data, and the page that their results make."""

from __future__ import annotations

import dataclasses
import functools
import json
import pathlib
from collections.abc import Iterable

from scenerank.models.registry import BASELINES, SCENARIO_MODELS
from scenerank.pipeline.compare import tables
from scenerank.pipeline.compare.commands import Bench
from scenerank.pipeline.compare.data_sets import DATA_SETS
from scenerank.pipeline.compare.runner import Result, Results
from scenerank.pipeline.config import load_config
from tests.benchmarks.daily.public_data import KUAIRAND

ROOT = pathlib.Path(__file__).parents[3]
DOCS = ROOT / "docs" / "benchmarks"
"""Results of all trials (`results.jsonl`) and speeds (`speeds.json`): what lies there is not measured again.
`findings.md` is written by hand and stands at the top of the page."""
FIVE = [model.registered for model in SCENARIO_MODELS]
NAMES = [*FIVE, *(model.registered for model in BASELINES)]
SEEDS = 3
TITLES = {
    "kuairand": "KuaiRand-Pure: trained through 2022-05-03, tested on 05-05",
    "movielens": "MovieLens-1M, random split",
    "movielens_time": "MovieLens-1M, split by time",
    "simulator": "Simulated travel platform",
}


@functools.cache
def bench(data: str) -> Bench:
    """The data set, made ready under `build/`; settings of the models in `DATA.yaml` beside this file."""
    settings = pathlib.Path(__file__).with_name(f"{data}.yaml")
    source = KUAIRAND if data == "kuairand" else None
    opened = Bench.open(
        data, source, str(ROOT / "build" / "benchmarks" / data), str(settings) if settings.exists() else None, ()
    )
    return dataclasses.replace(opened, results=Results(str(DOCS)))


def results(data: str, name: str, seeds: int = SEEDS) -> list[Result]:
    """Results of a model's seeds.

    Raises:
      RuntimeError: a training failed.
    """
    opened = bench(data)
    found, failures = opened.run([opened.trial(name, seed) for seed in range(seeds)])
    write_page()
    if failures:
        raise RuntimeError(failures[0])
    return found


def speeds() -> dict[str, dict[str, float]]:
    """What was measured of speed, by kind and model."""
    path = DOCS / "speeds.json"
    return json.loads(path.read_text()) if path.exists() else {}


def add_speeds(kind: str, found: dict[str, float]) -> None:
    """Keeps measured speeds."""
    DOCS.mkdir(parents=True, exist_ok=True)
    everything = speeds()
    everything[kind] = {**everything.get(kind, {}), **found}
    (DOCS / "speeds.json").write_text(json.dumps(everything, indent=1, sort_keys=True) + "\n")
    write_page()


def write_page() -> None:
    """`docs/benchmarks/models.md`, from everything that was measured."""
    everything = list(Results(str(DOCS)).by_key.values())
    parts = [
        tables.comparison(title, latest(everything, data), "shared_bottom")
        for data, title in TITLES.items()
        if latest(everything, data)
    ]
    measured = speeds()
    if measured:
        header = ["model", *(kind.replace("_", " ") for kind in measured)]
        rows = [
            [name, *(f"{measured[kind][name]:,.2f}" if name in measured[kind] else "" for kind in measured)]
            for name in NAMES
            if any(name in found for found in measured.values())
        ]
        parts.append(tables.Table("Speed", header, rows))
    notes = [
        f"Means ± standard deviations over {SEEDS} seeds (fewer where the column says so); settings in "
        "`tests/benchmarks/models/`, every trial in `docs/benchmarks/results.jsonl`. p-values compare with the best "
        "other model. RelaImpr is over Shared Bottom. Made by `make figures-models`.",
    ]
    findings = DOCS / "findings.md"
    if findings.exists():
        notes += ["", findings.read_text().rstrip()]
    tables.write(parts, "Benchmarks", notes, str(DOCS / "models"), html_too=False)


def latest(everything: Iterable[Result], data: str) -> list[Result]:
    """Of each model and seed the last result in protocol `multi`, debiased as the configuration has it."""
    trainer = load_config(DATA_SETS[data].config).trainer
    shipped = trainer.debias.model_dump(mode="json")
    of_data = [r for r in everything if r["data"] == data and r["protocol"] == "multi"]
    chosen = [r for r in of_data if r["model"] != trainer.model or r["trainer"]["debias"] == shipped]
    return list({(r["model"], r["seed"]): r for r in chosen}.values())
