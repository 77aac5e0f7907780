"""What a day would be made of now: settings, and digests of the log files; needs no Beam."""

from __future__ import annotations

import concurrent.futures
import hashlib
import importlib.metadata
import json
from collections.abc import Mapping
from typing import Any

from scenerank.components import storage
from scenerank.components.log_example_gen.reading.folder import log_files
from scenerank.components.log_example_gen.reading.late import late_files
from scenerank.components.log_example_gen.settings import IngestSettings
from scenerank.components.records.origin import DayOrigin
from scenerank.components.workspace import Workspace, shift
from scenerank.schemas.declaration import Declaration

FORMAT = 2
"""Another number where ingestion makes other examples of the same logs."""
THREADS = 8


class LogDigests:
    """Size and SHA-256 of log files, each looked at once; where its size and time are as they were, from a table of the
    day below `tfx/`."""

    def __init__(self, workspace: Workspace, declaration: Declaration):
        self._workspace, self._names = workspace, declaration.log_schema.names
        self._known: dict[str, dict[str, tuple[int, str]]] = {}

    def of(self, day: str) -> dict[str, tuple[int, str]]:
        """Of a day's files, by path below the workspace."""
        if day not in self._known:
            self._known[day] = self._looked_at(day)
        return self._known[day]

    def _looked_at(self, day: str) -> dict[str, tuple[int, str]]:
        workspace = self._workspace
        table = workspace.uri("tfx", "digests", f"{day}.json")
        before = storage.read_json(table) if storage.exists(table) else {}
        files = log_files(workspace, f"logs/day={day}", self._names)
        infos = workspace.fs.get_file_info([workspace.path(workspace.uri(file)) for file in files]) if files else []
        told = {file: [info.size, info.mtime_ns] for file, info in zip(files, infos)}
        fresh = [file for file in files if before.get(file, [])[:2] != told[file]]
        with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
            hashed = dict(zip(fresh, pool.map(lambda file: storage.sha256(workspace.uri(file)), fresh)))
        now = {file: [*told[file], hashed.get(file) or before[file][2]] for file in files}
        if now != before:
            storage.write_json(table, now)
        return {file: (size, digest) for file, (size, _, digest) in now.items()}


def origin(
    digests: LogDigests,
    workspace: Workspace,
    day: str,
    declaration: Declaration,
    settings: IngestSettings,
    recipe: Mapping[str, Any],
) -> DayOrigin:
    """What `day` would be made of.

    Args:
      recipe: further settings that the day's examples depend on, by what they are.
    """
    back = max(
        declaration.history.days if declaration.history else 0, declaration.rates.days if declaration.rates else 0
    )
    logs = set(workspace.log_days())
    earlier = [d for d in (shift(day, -n) for n in range(1, back + 1)) if d in logs]
    late = late_files(workspace, day, settings.late_days)
    return DayOrigin(
        day=day,
        data_set=declaration.name,
        parts={what: _digest(value) for what, value in {**_parts(declaration, settings), **recipe}.items()},
        files=digests.of(day) if day in logs else {},
        late={after: _of_file(workspace, file) for after, file in late.items()},
        earlier={d: _digest(digests.of(d)) for d in earlier},
        code_version=importlib.metadata.version("scenerank"),
    )


def _parts(declaration: Declaration, settings: IngestSettings) -> dict[str, Any]:
    """What ingestion makes of a declaration: how its columns become a model's inputs is seen to later."""
    columns = [
        column.model_dump(exclude={"description", "encoding", "reference"})
        | {"encoding": column.encoding and column.encoding.kind}
        for column in declaration.columns
    ]
    history, rates = declaration.history, declaration.rates
    return {
        "the way of ingestion": FORMAT,
        "the declared columns": columns,
        "the declared history": history and history.model_dump(exclude={"matches"}),
        "the declared rates": rates and rates.model_dump(),
        "the declared days": [declaration.partitioned_by_time, declaration.utc_offset_hours],
        "ingest.late_days": settings.late_days,
    }


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:32]


def _of_file(workspace: Workspace, file: str) -> tuple[int, str]:
    uri = workspace.uri(file)
    return storage.size(uri), storage.sha256(uri)
