"""What `scenerank benchmark`, `ablate` and `sweep` do."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console

from scenerank.errors import ConfigurationError
from scenerank.models.ablations import ABLATIONS, parted
from scenerank.pipeline.compare import tables
from scenerank.pipeline.compare.data_sets import DATA_SETS
from scenerank.pipeline.compare.runner import Result, Results, run_trials
from scenerank.pipeline.compare.search import best, candidates
from scenerank.pipeline.compare.settings import (
    BenchmarkSettings,
    Protocol,
    Trial,
    checked,
    load_benchmark,
    merged,
    model_settings,
    placed,
)
from scenerank.pipeline.compare.splits import Split, suffix
from scenerank.pipeline.config import Config, load_config
from scenerank.pipeline.terminal import Progress, quiet
from scenerank.schemas.bias import DebiasSettings

ELSEWHERE = {
    "model", "model_settings", "seed", "strategy", "cluster", "mode", "full_every", "incremental", "warm_start",
}  # fmt: skip
"""Fields of `TrainerSettings` that a trial has elsewhere, or that say nothing of a single training."""


@dataclasses.dataclass
class Bench:
    """A data set made ready and the file of its results.

    Attributes:
      out: folder of everything: `workspace/`, prepared data, `results.jsonl`, tables, pictures, `log.txt`.
    """

    data: str
    out: str
    config: Config
    settings: BenchmarkSettings
    results: Results
    console: Console
    split: Split = "time"

    @classmethod
    def open(
        cls,
        data: str,
        source: str | None,
        out: str,
        benchmark: str | None,
        overrides: Sequence[str],
        split: Split = "time",
    ) -> Bench:
        """Imports, ingests and transforms, unless that was done in `out` before.

        Raises:
          ConfigurationError: a wrong setting, or no source where one is needed.
        """
        from scenerank.pipeline.compare.data import import_data, prepare, ready

        prepared = _prepared(out, split)
        config, settings = load_config(DATA_SETS[data].config, tuple(overrides)), load_benchmark(benchmark)
        console, workspace = Console(markup=False), f"{out}/workspace"
        if not ready(data, config, prepared):
            if source is None and data in ("kuairand", "ali_ccp"):
                raise ConfigurationError(f"--source: {data} is read from the publisher's files: give their folder")
            with quiet(f"{out}/log.txt") as quiet_console:
                progress = Progress(quiet_console)
                import_data(data, source, workspace)
                prepare(data, config, workspace, DATA_SETS[data].day, prepared, progress, split)
                progress.stop()
        return cls(data, out, config, settings, Results(out), console, split)

    @property
    def prepared(self) -> str:
        """Folder of the prepared data."""
        return _prepared(self.out, self.split)

    @property
    def name(self) -> str:
        """The data set's, and the split's where that is not by time: what results and tables are called after."""
        return self.data + suffix(self.split)

    @functools.cached_property
    def inputs(self) -> tuple[str, str]:
        """Digests of the prepared data, without and with the Fairness Coefficients."""
        from scenerank.pipeline.compare.data import digest

        return digest(self.prepared, coefficients=False), digest(self.prepared, coefficients=True)

    def trial(self, model: str, seed: int = 0, protocol: Protocol = "multi", **over: Any) -> Trial:
        """A trial with the model's settings, and the configuration's debiasing for the model that it names; `over` are
        fields of `TrainerSettings`."""
        trainer = self.config.trainer.model_dump(mode="json", exclude=ELSEWHERE)
        if model != self.config.trainer.model:
            trainer["debias"] = _dumped({})
        settings = model_settings(model, self.config, self.settings)
        made = Trial(self.name, protocol, model, settings, {**trainer, "tensorboard": False, **over}, seed)
        return self.on_inputs(made)

    def on_inputs(self, trial: Trial) -> Trial:
        """The trial with the digest of what it reads, and the reading of Eq. 1 if it reads coefficients."""
        used = trial.uses_coefficients
        numerator = self.config.fairness.numerator if used else "exposure"
        inputs = self.inputs[1] if used and numerator == "exposure" else self.inputs[0]
        return dataclasses.replace(trial, inputs=inputs, numerator=numerator)

    def run(self, trials: Sequence[Trial], labels: Mapping[str, str] | None = None) -> tuple[list[Result], list[str]]:
        """Results of the trials, and what failed; for `labels` see `run_trials`."""
        return run_trials(trials, self.results, self.prepared, self.settings.single_rows, self.console, labels)

    def searched(self, trial: Trial) -> Trial:
        """The trial with the best settings that the search finds; as it is without a search."""
        if self.settings.search is None:
            return trial
        found, _ = self.run(list(candidates(self.settings.search, trial)))
        return dataclasses.replace(trial, settings=best(found)) if found else trial

    def notes(self, seeds: int) -> list[str]:
        """What a reader of the tables should know."""
        from scenerank.pipeline.compare.data import grouping, sizes

        rows, trainer = sizes(self.prepared), self.config.trainer
        return [
            f"{self.name}: {rows['train']:,} training rows, {rows['validation']:,} for early stopping, "
            f"{rows['test']:,} of the test; {seeds} seeds, mean ± standard deviation. "
            f"Up to {trainer.epochs} epochs, batches of {trainer.batch_size}. "
            f"GAUC by {grouping(self.prepared)}; sessions end after 30 minutes of silence.",
        ]


def _prepared(out: str, split: Split) -> str:
    return f"{out}/data{suffix(split)}"


def benchmark(bench: Bench, names: Sequence[str], protocols: Sequence[Protocol], seeds: int, base: str) -> int:
    """Runs all models with all seeds under each protocol and writes `benchmark.md` and `.html`.

    Returns:
      0, or 1 if a training failed.
    """
    written, failures = [], []
    for protocol in protocols:
        trials = []
        for name in names:
            first = bench.searched(bench.trial(name, 0, protocol))
            trials += [dataclasses.replace(first, seed=seed) for seed in range(seeds)]
        results, failed = bench.run(trials)
        failures += failed
        if results:
            written.append(tables.comparison(f"{bench.name}, protocol {protocol}", results, base))
    return _finish(bench, written, f"benchmark{suffix(bench.split)}", f"Models on {bench.name}", seeds, failures)


def ablate(bench: Bench, model: str, seeds: int) -> int:
    """Runs the ablation tables of the model's paper and writes `ablation_MODEL.md` and `.html`."""
    written, failures = [], []
    for title, rows in ABLATIONS[model].items():
        by_row = {
            name: [bench.on_inputs(_with(bench.trial(model, seed), over)) for seed in range(seeds)]
            for name, over in rows.items()
        }
        failures += _run_rows(bench, model, by_row)
        found = {name: _found(bench, trials) for name, trials in by_row.items()}
        if all(found.values()):
            written.append(tables.variants(title, found))
    return _finish(
        bench,
        written,
        f"ablation_{model}{suffix(bench.split)}",
        f"Ablations of {model} on {bench.name}",
        seeds,
        failures,
    )


def sweep(bench: Bench, model: str, path: str, settings: Sequence[Any], seeds: int) -> int:
    """Runs a model with each value of one setting; writes `sweep_MODEL_PATH.md`, `.html` and a plot."""
    from scenerank.pipeline.compare.plots import plot_sweep

    by_value = {
        str(value): [_with(bench.trial(model, seed), placed(path, value)) for seed in range(seeds)]
        for value in settings
    }
    failures = _run_rows(bench, f"{model} {path}", by_value)
    found = {value: results for value, trials in by_value.items() if (results := _found(bench, trials))}
    stem = f"sweep_{model}_{path}{suffix(bench.split)}"
    written = []
    if found:
        written.append(tables.variants(f"{model}, {path}", found))
        plot_sweep(f"{bench.out}/{stem}.svg", path, {v: tables.values(r, "auc") for v, r in found.items()})
    return _finish(bench, written, stem, f"{path} of {model} on {bench.name}", seeds, failures)


def _with(trial: Trial, over: dict[str, Any]) -> Trial:
    """The trial with other settings of the model, and what of `over` is not the model's, see `models.ablations`.

    Raises:
      ConfigurationError: the model refuses them.
    """
    row = parted(over)
    trainer = trial.trainer if row.debias is None else {**trial.trainer, "debias": _dumped(row.debias)}
    share = trial.over_exposed_share if row.over_exposed_share is None else row.over_exposed_share
    settings = checked(trial.model, merged(trial.settings, row.settings))
    return dataclasses.replace(trial, settings=settings, trainer=trainer, over_exposed_share=share)


def _dumped(debias: dict[str, Any]) -> dict[str, Any]:
    return DebiasSettings.model_validate(debias).model_dump(mode="json")


def _run_rows(bench: Bench, name: str, rows: Mapping[str, Sequence[Trial]]) -> list[str]:
    """Runs the trials of all rows of a table; the progress tells the rows. Returns what failed."""
    labels = {trial.key: f"{name}: {row}" for row, trials in rows.items() for trial in trials}
    _, failures = bench.run([trial for trials in rows.values() for trial in trials], labels)
    return failures


def _found(bench: Bench, trials: Sequence[Trial]) -> list[Result]:
    return [bench.results.by_key[trial.key] for trial in trials if trial.key in bench.results.by_key]


def _finish(bench: Bench, written: list[tables.Table], stem: str, title: str, seeds: int, failures: list[str]) -> int:
    if written:
        tables.write(written, title, bench.notes(seeds), f"{bench.out}/{stem}")
        for table in written:
            bench.console.print(table.markdown(), highlight=False, markup=False, soft_wrap=True)
        bench.console.print(f"tables: {bench.out}/{stem}.md, {bench.out}/{stem}.html", highlight=False)
    return 1 if failures else 0
