"""Puts a blessed model into service: one step, or nothing."""

from __future__ import annotations

from scenerank.components.pusher.digests import digests
from scenerank.components.pusher.releases import announce, locked
from scenerank.components.records.release import ModelLineage
from scenerank.components.workspace import Workspace, version
from scenerank.errors import ReleaseError

ATTEMPTS = 99


def push(
    workspace: Workspace,
    day: str,
    model: str,
    weights: str,
    weights_digest: str,
    lineage: ModelLineage,
    canary: bool = False,
) -> tuple[int, bool]:
    """Publishes a SavedModel as the day's next version.

    A model equal to the one this day already pushed is not pushed again. The training weights go first, so
    that whatever is in service can be trained on.

    Args:
      model: folder of the SavedModel with its `assets.extra`.
      weights: folder of training weights that the next training can go on from.
      canary: whether the version waits for its promotion, see `releases`.

    Returns:
      The version, and whether it is new.

    Raises:
      ReleaseError: the day has used up its 99 attempts, or the version that training went on from was withdrawn.
    """
    attempts = [v for v in workspace.versions() if v // 100 == version(day, 0) // 100]
    if attempts and ModelLineage.read(workspace.model(attempts[-1])).weights_digest == weights_digest:
        return attempts[-1], False
    number = max(attempts, default=version(day, 0)) + 1
    if number - version(day, 0) > ATTEMPTS:
        raise ReleaseError(f"day {day} already has {ATTEMPTS} versions in {workspace.uri('models')}: delete some")
    workspace.delete(workspace.checkpoint(number))
    workspace.copy(weights, workspace.checkpoint(number))
    # TF Serving ignores names that are no number, so a half-copied model is never loaded
    aside = workspace.uri("models", f".{number}.aside")
    workspace.delete(aside)
    workspace.copy(model, aside)
    told = {"version": number, "weights_digest": weights_digest, "files": digests(aside)}
    lineage.model_copy(update=told).write(aside)
    with locked(workspace):
        base = lineage.training.get("base")
        if base in workspace.release()["withdrawn"]:
            raise ReleaseError(
                f"version {base}, which the model of {day} goes on from, was withdrawn while it was trained: "
                "run the day again"
            )
        announce(workspace, number, canary)
        workspace.fs.move(workspace.path(aside), workspace.path(workspace.model(number)))
    return number, True
