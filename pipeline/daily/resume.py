"""Goes on where a run of the same day ended, if nothing has changed since that it read.

TFX takes a component's outputs from an earlier execution of the same pipeline with the same inputs and parameters. It
does not see what a component reads of the workspace beside its inputs; so each run is a pipeline of its own, and only a
run that finds all of that as it was goes by the name of the one that ended.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import pathlib
import uuid
from typing import Any, ClassVar

from scenerank.components.log_example_gen.origin import LogDigests, origin
from scenerank.components.records.record import Record
from scenerank.components.workspace import Workspace, shift
from scenerank.pipeline.config import Config

TABLES = ("examples", "fairness", "quarantine")
FLOORS = ("schemas", "models", "components", "pipeline")
LIBRARIES = ("tensorflow", "tfx", "tensorflow-transform", "tensorflow-model-analysis", "apache-beam", "pyarrow")


class Unfinished(Record):
    """`unfinished.json` of a day whose run has not ended well.

    Attributes:
      name: of its pipeline.
      facts: digest of what the run read of the workspace, and of the code.
      published: what it published itself: name of the content by table and day.
    """

    FILE: ClassVar[str] = "unfinished.json"
    name: str
    facts: str
    published: dict[str, str] = {}


class Resumed:
    """The pipeline of a run of `day`, anew or gone on with.

    Attributes:
      name: of the pipeline.
      goes_on: whether it is an earlier run's.
    """

    def __init__(self, config: Config, workspace: Workspace, day: str, fresh: bool = False):
        self._config, self._workspace, self._day = config, workspace, day
        self._folder = workspace.uri("tfx", "unfinished", f"day={day}")
        left = None if fresh else Unfinished.find(self._folder)
        self.goes_on = left is not None and self._as_it_was(left)
        if left is None or not self.goes_on:
            left = Unfinished(name=f"scenerank-{uuid.uuid4().hex[:12]}", facts=self._facts({}))
            left.write(self._folder)
        self._left = left
        self.name = left.name

    def published(self, day: str) -> None:
        """Notes that this run has published a day."""
        now = {key: value for key, value in _contents(self._workspace).items() if key.endswith(f"/{day}")}
        self._left = self._left.model_copy(update={"published": {**self._left.published, **now}})
        self._left.write(self._folder)

    def ended(self) -> None:
        """Forgets the run: it ended well."""
        self._workspace.delete(self._folder)

    def _as_it_was(self, left: Unfinished) -> bool:
        now = _contents(self._workspace)
        return all(now.get(key) == name for key, name in left.published.items()) and left.facts == self._facts(
            left.published
        )

    def _facts(self, own: dict[str, str]) -> str:
        """What a run reads beside its components' inputs; without the days that it published itself."""
        config, workspace, day = self._config, self._workspace, self._day
        days = [shift(day, -back) for back in range(config.window.days, -1, -1)]
        logged = workspace.log_days()
        digests = LogDigests(workspace, config.declared)
        made_of = [
            origin(digests, workspace, d, config.declared, config.ingest, config.recipe).model_dump(mode="json")
            for d in days
            if d in logged
        ]
        others = {key: name for key, name in _contents(workspace).items() if key not in own}
        served = [workspace.release(), workspace.versions()]
        return _digest([_code(), day, made_of, others, served])


def _contents(workspace: Workspace) -> dict[str, str]:
    """Name of each published day's content, by table and day."""
    return {
        f"{table}/{day}": workspace.day(table, day).rpartition("/")[2]
        for table in TABLES
        for day in workspace.days(table)
    }


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def _code() -> str:
    """Of this package's files and of the libraries that components are made with."""
    root = pathlib.Path(__file__).parents[2]
    files = [file for floor in FLOORS for file in sorted((root / floor).rglob("*")) if file.suffix in (".py", ".yaml")]
    hashed = hashlib.sha256(str([importlib.metadata.version(name) for name in LIBRARIES]).encode())
    for file in files:
        hashed.update(str(file.relative_to(root)).encode() + file.read_bytes())
    return hashed.hexdigest()
