"""Search for a model's settings on the validation part."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from sklearn.model_selection import ParameterGrid, ParameterSampler

from scenerank.errors import ConfigurationError
from scenerank.pipeline.compare.settings import Search, Trial, checked, merged, placed


def candidates(search: Search, trial: Trial) -> Iterator[Trial]:
    """The trial with other settings, its own first; combinations that the model refuses are left out.

    Which ones `random` draws follows from the trial's seed.
    """
    from scenerank.models.registry import settings_class

    allowed = settings_class(trial.model)
    space = {path: found for path, found in search.space.items() if path.split(".")[0] in allowed.model_fields}
    combinations = ParameterGrid(space)
    if search.method == "random" and len(combinations) > search.trials:
        combinations = ParameterSampler(space, search.trials, random_state=trial.seed)
    seen = {trial.key}
    yield trial
    for combination in combinations:
        settings: dict[str, Any] = trial.settings
        for path, value in combination.items():
            settings = merged(settings, placed(path, value))
        try:
            candidate = dataclasses.replace(trial, settings=checked(trial.model, settings))
        except ConfigurationError:
            continue
        if candidate.key not in seen:
            seen.add(candidate.key)
            yield candidate


def best(results: list[dict[str, Any]]) -> dict[str, Any]:
    """Settings of the highest AUC on the validation part; test metrics are never looked at."""
    return max(results, key=lambda result: result["validation_auc"] or 0.0)["settings"]
