"""Finds the version in service and brings it to an artifact."""

from __future__ import annotations

from scenerank.components.records.release import Served
from scenerank.components.transfer import mirror
from scenerank.components.workspace import Workspace
from scenerank.errors import WorkspaceError

SERVING, TRAINING = "Format-Serving", "Format-Training"


def fetch(workspace: Workspace, day: str, target: str) -> int | None:
    """Brings the model in service before `day` to folder `target`.

    Returns:
      Its version; None where nothing is in service: then `target` has `version.json` alone.

    Raises:
      WorkspaceError: a version without a SavedModel or without training weights.
    """
    version = workspace.served(before=day)
    if version is not None:
        model, weights = workspace.model(version), workspace.checkpoint(version)
        if not workspace.exists(f"{model}/saved_model.pb"):
            raise WorkspaceError(f"{model} has no saved_model.pb: delete that folder, and the version before it serves")
        if not workspace.exists(weights):
            raise WorkspaceError(
                f"{weights} is missing, so version {version} cannot be trained on: restore or delete it"
            )
        mirror(model, f"{target}/{SERVING}")
        mirror(weights, f"{target}/{TRAINING}")
    Served(version=version).write(target)
    return version
