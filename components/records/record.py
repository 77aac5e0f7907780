"""What all records share."""

from __future__ import annotations

import json
from typing import Any, ClassVar, TypeVar

import pydantic

from scenerank.components import storage
from scenerank.errors import WorkspaceError

R = TypeVar("R", bound="Record")


class Record(pydantic.BaseModel):
    """A JSON document in a folder.

    Fields that a later version of ours adds have defaults, and those of a newer one are kept as they are, so that a
    workspace is read by both.

    Attributes:
      FILE: its name.
    """

    model_config = pydantic.ConfigDict(extra="allow", frozen=True, protected_namespaces=())
    FILE: ClassVar[str]

    @classmethod
    def read(cls: type[R], folder: str) -> R:
        """Raises:
        FileNotFoundError: there is none in `folder`.
        WorkspaceError: it is none.
        """
        return cls.parse(storage.read_json(f"{folder}/{cls.FILE}"), f"{folder}/{cls.FILE}")

    @classmethod
    def find(cls: type[R], folder: str) -> R | None:
        """The record, or None where `folder` has none."""
        return cls.read(folder) if storage.exists(f"{folder}/{cls.FILE}") else None

    @classmethod
    def parse(cls: type[R], document: Any, where: str) -> R:
        """Reads a document; `where` is for the sentence on what it lacks."""
        try:
            return cls.model_validate(document)
        except pydantic.ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            raise WorkspaceError(f"{where} is no {cls.__name__} ({place}: {first['msg']}): run its day again") from None

    def write(self, folder: str) -> None:
        """Replaces the file in one step, with the fields that the record was given."""
        storage.write(f"{folder}/{self.FILE}", json.dumps(self.model_dump(mode="json", exclude_unset=True), indent=1))
