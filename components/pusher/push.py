"""Puts a blessed model into service: one step, or nothing."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from pyarrow import fs

from components.pusher.releases import announce_canary
from components.workspace import Workspace, version

LINEAGE = "assets.extra/lineage.json"
ATTEMPTS = 99


def digest(uri: str) -> str:
    """Hash of a folder of weights: names and contents."""
    filesystem, root = fs.FileSystem.from_uri(uri)
    files = [f for f in filesystem.get_file_info(fs.FileSelector(root, recursive=True)) if f.type == fs.FileType.File]
    hashed = hashlib.sha256()
    for info in sorted(files, key=lambda f: f.path):
        hashed.update(info.path[len(root) :].encode())
        with filesystem.open_input_stream(info.path) as stream:
            while chunk := stream.read(1 << 22):
                hashed.update(chunk)
    return hashed.hexdigest()


def push(
    workspace: Workspace,
    day: str,
    model: str,
    weights: str,
    weights_digest: str,
    lineage: dict[str, Any],
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
      RuntimeError: the day has used up its 99 attempts.
    """
    attempts = [v for v in workspace.versions() if v // 100 == version(day, 0) // 100]
    if attempts:
        latest = workspace.read_json(f"{workspace.model(attempts[-1])}/{LINEAGE}")
        if latest["weights_digest"] == weights_digest:
            return attempts[-1], False
    number = max(attempts, default=version(day, 0)) + 1
    if number - version(day, 0) > ATTEMPTS:
        raise RuntimeError(f"day {day} already has {ATTEMPTS} versions in {workspace.uri('models')}: delete some")
    workspace.delete(workspace.checkpoint(number))
    workspace.copy(weights, workspace.checkpoint(number))
    # TF Serving ignores names that are no number, so a half-copied model is never loaded
    aside = workspace.uri("models", f".{number}.aside")
    workspace.delete(aside)
    workspace.copy(model, aside)
    text = json.dumps({**lineage, "version": number, "weights_digest": weights_digest}, indent=1)
    workspace.write_text(f"{aside}/{LINEAGE}", text)
    if canary:
        announce_canary(workspace, number)
    workspace.fs.move(workspace.path(aside), workspace.path(workspace.model(number)))
    return number, True
