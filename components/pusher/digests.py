"""Digests of what is served, taken as it is pushed, and looked at again when somebody asks."""

from __future__ import annotations

import hashlib

from scenerank.components import storage
from scenerank.components.records.release import ModelLineage
from scenerank.components.workspace import Workspace

_CHUNK = 1 << 22


def digest(uri: str) -> str:
    """Hash of a folder of weights: names and contents."""
    hashed = hashlib.sha256()
    for file in storage.files(uri):
        hashed.update(file[len(uri.rstrip("/")) :].encode())
        with storage.open_input(file) as stream:
            while chunk := stream.read(_CHUNK):
                hashed.update(chunk)
    return hashed.hexdigest()


def digests(model: str) -> dict[str, str]:
    """SHA-256 of each file of a SavedModel's folder by its path within; the lineage, which has them, left out."""
    found = {}
    for file in storage.files(model):
        name = file[len(model.rstrip("/")) + 1 :]
        if name != ModelLineage.FILE:
            found[name] = storage.sha256(file)
    return found


def damage(workspace: Workspace, version: int) -> list[str]:
    """A sentence for each file of a version that is not as it was pushed; none for versions pushed without digests."""
    model = workspace.model(version)
    pushed = ModelLineage.read(model).files
    now = digests(model) if pushed else {}
    sentences = []
    for name in sorted(pushed.keys() | now.keys()):
        if pushed.get(name) != now.get(name):
            what = "is missing" if name not in now else "is new" if name not in pushed else "has changed"
            sentences.append(f"{model}/{name} {what} since it was pushed: restore it, or roll back")
    return sentences
