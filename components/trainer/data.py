"""What a training reads."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from components.trainer.dataset import Files, Reader
from components.trainer.settings import TrainerSettings
from components.trainer.sharing import ALONE, Share
from components.trainer.store import Store, load

Split = Store | Files


@dataclasses.dataclass(frozen=True)
class Data:
    """A process's part of a window.

    Attributes:
      train: rows to learn from; None where there are none.
      validation: rows of the days held out for early stopping; None without.
      share: which part it is.
    """

    train: Split | None
    validation: Split | None
    share: Share = ALONE

    @classmethod
    def read(
        cls, reader: Reader, train: Sequence[str], validation: Sequence[str], settings: TrainerSettings, share: Share
    ) -> Data:
        """Reads the share's files, into memory as far as they fit."""
        limit = settings.memory_mb * 2**20
        held = _split(reader, share.of(validation), limit / 4, settings.shuffle_buffer)
        used = held.bytes if isinstance(held, Store) else 0
        return cls(_split(reader, share.of(train), limit - used, settings.shuffle_buffer), held, share)

    @classmethod
    def of_days(
        cls, reader: Reader, days: Iterable[Sequence[str]], settings: TrainerSettings, share: Share
    ) -> list[Data]:
        """The share's files of one day after the other: rows to be measured on first, and then to learn from."""
        found, left = [], settings.memory_mb * 2.0**20
        for files in days:
            split = _split(reader, share.of(files), left, settings.shuffle_buffer)
            left -= split.bytes if isinstance(split, Store) else 0
            found.append(cls(split, split, share))
        return found


def _split(reader: Reader, files: Sequence[str], limit_bytes: float, buffer: int) -> Split | None:
    if not files:
        return None
    split: Split = load(reader, list(files), limit_bytes) or Files.of(reader, files, buffer)
    return split if split.rows else None
