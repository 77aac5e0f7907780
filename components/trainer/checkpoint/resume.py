"""Where an interrupted training goes on."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import tensorflow as tf

from scenerank.components import storage

VALUE = ".ATTRIBUTES/VARIABLE_VALUE"


def fingerprint(files: list[str], *parts: Any) -> str:
    """Sixteen hex digits of a training: its settings, and names and sizes of its files, wherever they lie."""
    sizes = [(file.rsplit("/", 2)[-2:], storage.size(file)) for file in files]
    return hashlib.sha256(json.dumps([sizes, *parts]).encode()).hexdigest()[:16]


def prepare(folder: str, name: str) -> str:
    """Makes `folder/name` and deletes what other trainings left beside it."""
    storage.make_folder(f"{folder}/{name}")
    for entry in storage.names(folder):
        if entry != name:
            storage.delete(f"{folder}/{entry}")
    return f"{folder}/{name}"


def position(backup: str, steps: int, every: int | None) -> tuple[int, int]:
    """Epoch and batch, from 0, at which Keras will go on from what `BackupAndRestore` left in `backup`.

    Args:
      steps: batches of an epoch.
      every: batches between checkpoints, None for one at each epoch's end.
    """
    latest = tf.train.latest_checkpoint(f"{backup}/chief")
    if latest is None:
        return 0, 0
    saved = tf.train.load_checkpoint(latest)
    epoch = int(saved.get_tensor(f"ckpt_saved_epoch/{VALUE}"))
    batch = int(saved.get_tensor(f"ckpt_saved_batch/{VALUE}"))
    if every is None or batch == steps - 1:
        return epoch + 1, 0
    return epoch, batch + 1
