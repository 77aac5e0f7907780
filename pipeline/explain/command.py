"""What `scenerank explain` does."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from scenerank.errors import ConfigurationError, SceneRankError, TrainingError, WorkspaceError
from scenerank.pipeline.compare.data_sets import DATA_SETS
from scenerank.pipeline.compare.runner import Result, run_process
from scenerank.pipeline.compare.settings import Trial, merged

if TYPE_CHECKING:
    from scenerank.pipeline.compare.commands import Bench

EXPLAINED = ("sar_net", "maria", "musenet", "hierrec")
"""Models whose papers look into them."""


def explain(bench: Bench, model: str, seed: int) -> int:
    """Trains a model once and draws its paper's figures: `explain_MODEL/index.html`, and `.svg` and `.json` beside it.

    Returns:
      0, or 1 if that failed.

    Raises:
      ConfigurationError: the model's paper has no such figures.
    """
    if model not in EXPLAINED:
        raise ConfigurationError(f"model {model!r} has no pictures: choose one of {', '.join(EXPLAINED)}")
    try:
        found = explained(bench, bench.trial(model, seed), f"{bench.out}/explain_{model}")
    except SceneRankError as error:
        bench.console.print(str(error), style="red", markup=False, highlight=False)
        return 1
    auc = "" if found["auc"] is None else f", AUC {found['auc']:.4f}"
    bench.console.print(f"{model} on {bench.data}{auc}", highlight=False)
    for name, numbers in found["numbers"].items():
        if "missing" in numbers:
            bench.console.print(f"{name}: {numbers['missing']}", highlight=False, markup=False)
    bench.console.print(f"pictures: {bench.out}/explain_{model}/index.html", highlight=False)
    return 0


def explained(bench: Bench, trial: Trial, out: str) -> Result:
    """Trains in a process of its own and draws into the folder `out`.

    Returns:
      the trial's fields, `auc` of the test, and `numbers` by name of the picture.

    Raises:
      TrainingError: the process failed.
    """
    job = {
        "trial": vars(trial),
        "declaration": bench.config.declaration,
        "workspace": f"{bench.out}/workspace",
        "day": DATA_SETS[bench.data].day,
        "out": out,
    }
    results: list[Result] = []
    log = f"{bench.out}/log.txt"
    name = f"explain {trial.model}"
    error = run_process(name, "explain.process", job, bench.prepared, log, bench.console, results.append)
    if error or not results:
        raise TrainingError(f"{name}: {error or 'no result'}; see {log}")
    return results[0]


def hidden_purpose_ari(bench: Bench, seed: int = 0) -> dict[str, float]:
    """How well MuseNet, told no scenario, finds the purposes of trips that only the simulator knows. It has a
    prototype for each purpose, that of having none among them.

    Args:
      bench: of `simulator`.

    Returns:
      adjusted Rand index of the learned scenarios and the purposes: `adjusted_rand` over all test rows,
      `adjusted_rand_of_planned_trips` over those of users who plan a trip.

    Raises:
      TrainingError: the training failed.
      WorkspaceError: the workspace has no truth.
    """
    from scenerank.pipeline.sources.simulator.trips import PURPOSES

    trial = bench.trial("musenet", seed)
    told = {"given_scenario": False, "prototypes": len(PURPOSES)}
    trial = dataclasses.replace(trial, settings=merged(trial.settings, told))
    numbers = explained(bench, trial, f"{bench.out}/explain_musenet_without_scenario")["numbers"]["scenarios"]
    if "hidden_purpose" not in numbers:
        raise WorkspaceError(numbers.get("missing", "no truth lies beside the test day's logs"))
    return numbers["hidden_purpose"]
