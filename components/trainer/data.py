"""What a training reads."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from components.errors import DataRefused
from components.trainer.dataset import Files, Reader
from components.trainer.settings import TrainerSettings
from components.trainer.store import Store, load


@dataclasses.dataclass(frozen=True)
class Data:
    """Splits of a window.

    Attributes:
      train: rows to learn from.
      validation: rows of the days held out for early stopping; None without.
    """

    train: Store | Files
    validation: Store | Files | None

    @property
    def validates(self) -> bool:
        """Whether the validation days can judge: an AUC needs clicks and their absence."""
        return self.validation is not None and 0 < self.validation.clicks < self.validation.rows

    @classmethod
    def read(cls, reader: Reader, train: Sequence[str], validation: Sequence[str], settings: TrainerSettings) -> Data:
        """Reads the files, into memory as far as they fit.

        Raises:
          DataRefused: no rows to train on, or labels of one kind only.
        """
        limit = settings.memory_mb * 2**20
        held = _split(reader, validation, limit / 4, settings.shuffle_buffer)
        learned = _split(reader, train, limit - (held.bytes if isinstance(held, Store) else 0), settings.shuffle_buffer)
        label = reader.declaration.label.name
        if learned is None:
            raise DataRefused("the training days of the window hold no rows: widen window.days or ingest them again")
        if learned.clicks in (0, learned.rows):
            kind = 1 if learned.clicks else 0
            raise DataRefused(
                f"column {label!r} is {kind} in all {learned.rows} training rows: check how the log fills it"
            )
        return cls(learned, held)


def _split(reader: Reader, files: Sequence[str], limit_bytes: float, buffer: int) -> Store | Files | None:
    if not files:
        return None
    split: Store | Files = load(reader, list(files), limit_bytes) or Files.of(reader, files, buffer)
    return split if split.rows else None
