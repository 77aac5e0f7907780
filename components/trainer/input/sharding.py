"""Which files each of several processes reads."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from scenerank.components import storage


@dataclasses.dataclass(frozen=True)
class InputShard:
    """A process's place among those that read a split together.

    Attributes:
      index: from 0; the first of them is the chief.
      count: how many they are.
    """

    index: int = 0
    count: int = 1

    @property
    def chief(self) -> bool:
        """Whether this is the process that writes and tells."""
        return self.index == 0

    def of(self, files: Sequence[str]) -> list[str]:
        """This process's files: every file is one process's, and their bytes are about equal.

        The largest go first, each to whom has least so far.
        """
        if self.count == 1:
            return list(files)
        size = {file: storage.size(file) for file in files}
        loads = [0] * self.count
        owner = {}
        for file in sorted(size, key=lambda file: (-size[file], file)):
            owner[file] = min(range(self.count), key=lambda process: loads[process])
            loads[owner[file]] += size[file] + 1
        return [file for file in files if owner[file] == self.index]


ALONE = InputShard()
