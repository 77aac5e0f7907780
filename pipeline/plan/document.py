"""A plan as one JSON object, for programs."""

from __future__ import annotations

import dataclasses
from typing import Any

from scenerank.components.workspace import Workspace
from scenerank.pipeline.config import Config
from scenerank.pipeline.plan.data_tables import planned
from scenerank.pipeline.plan.quantities import Budget, Scale
from scenerank.pipeline.plan.tables import totals, vocabulary_sizes, weights
from scenerank.pipeline.plan.training import spans, trained


def document(
    config: Config, root: str | None, day: str | None, small_root: str | None, scale: Scale, budget: Budget
) -> dict[str, Any]:
    """What the tables of `scenerank plan` say: `weights` in bytes, `memory_mib` by what holds them, `vocabularies`;
    where a workspace is given also `measured`, `data` (bytes, hours) and `training` (null if its artifacts are gone).

    Raises:
      ConfigurationError, DataError: see `planned`.
    """
    sizes = vocabulary_sizes(config, Workspace(root) if root else None, scale.scenarios)
    held = weights(config, sizes)
    told: dict[str, Any] = {
        "scale": dataclasses.asdict(scale),
        "budget": dataclasses.asdict(budget),
        "weights": [dataclasses.asdict(weight) for weight in held],
        "memory_mib": totals(config, held),
        "vocabularies": sizes,
    }
    if root is None:
        return told
    plan = planned(config, root, day, small_root, scale, budget)
    training = trained(root, day)
    told["measured"] = {"day": plan.run.day, "rows": plan.run.rows, "core_seconds": plan.run.seconds}
    told["data"] = dataclasses.asdict(plan.found)
    told["training"] = training and [
        {"days": days, "hours": hours, "machines": machines}
        for days, (hours, machines) in spans(config, training, scale, budget).items()
    ]
    return told
