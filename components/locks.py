"""Locks between processes of workspaces on a disk; they go with their process, however that ends."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import portalocker

from scenerank.components.workspace import Workspace
from scenerank.errors import SceneRankError


@contextlib.contextmanager
def held(workspace: Workspace, name: str, refusal: SceneRankError, patience_s: float = 0) -> Iterator[None]:
    """Holds the lock of a name; an object store has none.

    Args:
      refusal: what is raised where another process holds it for longer than `patience_s`.
    """
    if "://" in workspace.root:
        yield
        return
    path = workspace.path(workspace.uri("tfx", name))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    lock = portalocker.Lock(path, "a", timeout=patience_s, fail_when_locked=not patience_s)
    try:
        lock.acquire()
    except portalocker.exceptions.LockException:
        raise refusal from None
    try:
        yield
    finally:
        lock.release()
