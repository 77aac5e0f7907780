"""Which version of the last weeks ranks best, from what the versions' own evaluations say.

AUCs of two days do not compare, but each version was compared with the one before it on the same rows. So a version's
level is that of its predecessor plus this difference. Differences carry noise, and a random walk's highest point is
where luck was: so a champion stays one until a later version is better beyond chance. That chooses whom to compare the
candidate with; the evaluation on the day's own rows decides.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate

from scenerank.components.records.evaluation import CANDIDATE, NOTHING, OVERALL, SERVED
from scenerank.components.records.release import ModelLineage
from scenerank.components.trainer.checkpoint.lineage import Lineage
from scenerank.components.workspace import Workspace, shift, version

BEYOND_CHANCE = 1.645
"""Standard errors that one in twenty equal versions is above another."""
TRAINER = "trainer."
"""Begins the name of what a model is made of and examples are not."""


def champion(workspace: Workspace, day: str, days: int) -> int | None:
    """The best version of those of the `days` before `day` that still lie in `models/`, by `best_of`.

    Neither withdrawn versions nor the canary are looked at, nor those whose columns are encoded in another way than the
    served one's, as they may not read today's examples.

    Returns:
      None where that is the version in service, or nothing is.
    """
    served = workspace.served(before=day)
    if served is None:
        return None
    release = workspace.release()
    silent = {*release["withdrawn"], release["canary"]}
    versions = [v for v in workspace.versions() if v <= served and v not in silent]
    gains, errors = zip(*(_gain(ModelLineage.find(workspace.model(v))) for v in versions), strict=True)
    today, first = _columns(workspace, served), version(shift(day, -days), 0)
    able = [v == served or bool(v >= first and days and _columns(workspace, v) == today) for v in versions]
    best = versions[best_of(gains, errors, [at for at, can in enumerate(able) if can])]
    return None if best == served else best


def best_of(gains: Sequence[float], errors: Sequence[float], among: Sequence[int]) -> int:
    """The place, of the ascending ones `among`, that none after it is better than beyond chance.

    Args:
      gains: of each place over the one before it; errors: their standard errors, as days are independent.
    """
    levels, variances = [*accumulate(gains)], [*accumulate(error**2 for error in errors)]
    best = among[0]
    for at in among[1:]:
        if levels[at] - levels[best] > BEYOND_CHANCE * math.sqrt(variances[at] - variances[best]):
            best = at
    return best


def _gain(lineage: ModelLineage | None) -> tuple[float, float]:
    """Of a version over the one that served before it, and its standard error, 0 where that was not kept."""
    models = lineage.metrics.get(OVERALL, {}) if lineage else {}
    mine, theirs = (models.get(name, NOTHING) for name in (CANDIDATE, SERVED))
    gain = 0.0 if mine.auc is None or theirs.auc is None else mine.auc - theirs.auc
    return gain, theirs.gap_error or 0.0


def _columns(workspace: Workspace, version: int) -> dict[str, str]:
    """Digests of how columns are encoded; none where that was not kept."""
    lineage = Lineage.read(workspace.checkpoint(version))
    made_of = lineage.made_of if lineage else {}
    return {name: digest for name, digest in made_of.items() if not name.startswith(TRAINER)}
