"""What a training reads."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from scenerank.components.trainer.input.in_memory import InMemorySplit, load
from scenerank.components.trainer.input.sharding import ALONE, InputShard
from scenerank.components.trainer.input.streamed import StreamedSplit
from scenerank.components.trainer.settings import TrainerSettings
from scenerank.components.transform.example_reader import ExampleReader

Split = InMemorySplit | StreamedSplit


@dataclasses.dataclass(frozen=True)
class TrainingInput:
    """A process's part of a window.

    Attributes:
      train: rows to learn from; None where there are none.
      validation: rows of the days held out for early stopping; None without.
      share: which part it is.
    """

    train: Split | None
    validation: Split | None
    share: InputShard = ALONE

    @classmethod
    def read(
        cls,
        reader: ExampleReader,
        train: Sequence[str],
        validation: Sequence[str],
        settings: TrainerSettings,
        share: InputShard,
    ) -> TrainingInput:
        """Reads the share's files, into memory as far as they fit."""
        limit = settings.memory_mb * 2**20
        held = _split(reader, share.of(validation), limit / 4, settings.shuffle_buffer)
        used = held.nbytes if isinstance(held, InMemorySplit) else 0
        return cls(_split(reader, share.of(train), limit - used, settings.shuffle_buffer), held, share)

    @classmethod
    def of_days(
        cls, reader: ExampleReader, days: Iterable[Sequence[str]], settings: TrainerSettings, share: InputShard
    ) -> list[TrainingInput]:
        """The share's files of one day after the other: rows to be measured on first, and then to learn from."""
        found, left = [], settings.memory_mb * 2.0**20
        for files in days:
            split = _split(reader, share.of(files), left, settings.shuffle_buffer)
            left -= split.nbytes if isinstance(split, InMemorySplit) else 0
            found.append(cls(split, split, share))
        return found


def _split(reader: ExampleReader, files: Sequence[str], limit_bytes: float, buffer: int) -> Split | None:
    if not files:
        return None
    split: Split = load(reader, list(files), limit_bytes) or StreamedSplit.of(reader, files, buffer)
    return split if split.rows else None
