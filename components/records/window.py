"""Which days a training reads."""

from __future__ import annotations

from typing import ClassVar

from scenerank.components.records.record import Record

TRAIN, VALIDATION, EVAL = "train", "validation", "eval"
"""Splits of a window; TFX keeps each in a folder `Split-NAME`."""


class Window(Record):
    """`window.json` of ExamplesWindow.

    Attributes:
      day: of the run.
      splits: days of each split, oldest first; a split without days is left out.
      skipped: days before the run's that have no examples.
      stale: days that were taken though they are not any more what they were made of, and why.
      examples, fairness: URI of each day's examples and coefficients.
    """

    FILE: ClassVar[str] = "window.json"
    day: str = ""
    splits: dict[str, list[str]] = {}
    skipped: list[str] = []
    stale: dict[str, list[str]] = {}
    examples: dict[str, str] = {}
    fairness: dict[str, str] = {}


def split_folder(artifact: str, split: str) -> str:
    """The folder of a split's files."""
    return f"{artifact}/Split-{split}"
