"""What a day would be made of now: settings, and digests of the log files; needs no Beam."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from collections.abc import Iterable, Mapping
from typing import Any

from pyarrow import fs

from scenerank.components import storage
from scenerank.components.log_example_gen.reading.folder import log_files
from scenerank.components.log_example_gen.reading.late import late_files
from scenerank.components.log_example_gen.settings import IngestSettings
from scenerank.components.records.origin import DayOrigin
from scenerank.components.workspace import Workspace, shift
from scenerank.schemas.declaration import Declaration

FORMAT = 2
"""Another number where ingestion makes other examples of the same logs."""


def origin(
    workspace: Workspace, day: str, declaration: Declaration, settings: IngestSettings, recipe: Mapping[str, Any]
) -> DayOrigin:
    """Digests of files whose size and time are as they were come from a table below `tfx/`.

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
        files=_digests(workspace, declaration, day) if day in logs else {},
        late={after: _of_file(workspace, file) for after, file in late.items()},
        earlier={d: _digest(_digests(workspace, declaration, d)) for d in earlier},
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


def _digests(workspace: Workspace, declaration: Declaration, day: str) -> dict[str, tuple[int, str]]:
    """Size and SHA-256 of a day's log files by path."""
    table = workspace.uri("tfx", "digests", f"{day}.json")
    known = storage.read_json(table) if storage.exists(table) else {}
    seen = {}
    for info in _infos(workspace, log_files(workspace, f"logs/day={day}", declaration.log_schema.names)):
        name, told = info.path[len(workspace.path(workspace.root)) :].lstrip("/"), [info.size, info.mtime_ns]
        fresh = known.get(name, [None])[:2] != told
        seen[name] = [*told, storage.sha256(workspace.uri(name)) if fresh else known[name][2]]
    if seen != known:
        storage.write_json(table, seen)
    return {name: (size, digest) for name, (size, _, digest) in seen.items()}


def _infos(workspace: Workspace, files: Iterable[str]) -> list[fs.FileInfo]:
    paths = [workspace.path(workspace.uri(file)) for file in files]
    return workspace.fs.get_file_info(paths) if paths else []
