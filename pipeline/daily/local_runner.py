"""Runs a graph of TFX components on this machine and tells how each of them ended."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.compiler import compiler, constants
from tfx.dsl.components.base.base_node import BaseNode
from tfx.orchestration import metadata
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.orchestration.pipeline import Pipeline
from tfx.orchestration.portable import launcher, runtime_parameter_utils

from scenerank.components.workspace import Workspace
from scenerank.errors import SceneRankError
from scenerank.pipeline.compat import launched_node

NAME = "scenerank"
Listener = Callable[[str, str], None]
"""Called with a component's name and `running` or `finished`."""


class ComponentFailed(SceneRankError):
    """A component did not complete though the runner said nothing."""


@dataclasses.dataclass(frozen=True)
class GraphRun:
    """What a run left.

    Attributes:
      uris: `uris[component][output]` is the URI of each output's artifact.
      seconds: wall clock of each component.
      core_seconds: processor time of this process in each component, all threads together.
    """

    uris: dict[str, dict[str, str]]
    seconds: dict[str, float]
    core_seconds: dict[str, float]


@contextlib.contextmanager
def _told(listener: Listener) -> Iterator[tuple[dict[str, float], dict[str, float]]]:
    """Tells of each component's start and end, and times it: LocalDagRunner has no hooks of its own."""
    seconds: dict[str, float] = {}
    core_seconds: dict[str, float] = {}
    patched: Any = launcher.Launcher
    launch = patched.launch

    def timed(self: launcher.Launcher) -> Any:
        name = launched_node(self)
        listener(name, "running")
        started, worked = time.monotonic(), time.process_time()
        result = launch(self)
        seconds[name] = round(time.monotonic() - started, 2)
        core_seconds[name] = round(time.process_time() - worked, 2)
        listener(name, "finished")
        return result

    patched.launch = timed
    try:
        yield seconds, core_seconds
    finally:
        patched.launch = launch


def run_graph(
    components: Sequence[BaseNode],
    workspace: Workspace,
    run_id: str,
    beam_args: Sequence[str] = (),
    listener: Listener = lambda name, state: None,
    pipeline: str | None = None,
) -> GraphRun:
    """Runs components in order.

    Args:
      pipeline: name of one that went before: what it completed, of equal inputs and parameters, is taken from there.

    Raises:
      ComponentFailed: a component's recorded state is not complete.
      Exception: whatever a component raised.
    """
    from tfx.orchestration.metadata import sqlite_metadata_connection_config

    connection = sqlite_metadata_connection_config(workspace.path(workspace.uri("tfx", "metadata.db")))
    made = Pipeline(
        pipeline_name=pipeline or NAME,
        pipeline_root=workspace.uri("tfx"),
        components=list(components),
        metadata_connection_config=connection,
        beam_pipeline_args=list(beam_args),
        enable_cache=pipeline is not None,
    )
    ir = compiler.Compiler().compile(made)
    runtime_parameter_utils.substitute_runtime_parameter(ir, {constants.PIPELINE_RUN_ID_PARAMETER_NAME: run_id})
    with _told(listener) as times:
        LocalDagRunner().run_with_ir(ir)
    return GraphRun(_outputs(connection, run_id, [c.id for c in components]), *times)


def _outputs(
    connection: metadata_store_pb2.ConnectionConfig, run_id: str, expected: Sequence[str]
) -> dict[str, dict[str, str]]:
    """Reads the recorded states: the runner ends well even where a driver gave up."""
    complete = {metadata_store_pb2.Execution.COMPLETE, metadata_store_pb2.Execution.CACHED}
    uris: dict[str, dict[str, str]] = {}
    with metadata.Metadata(connection) as handle:
        store = handle.store
        context = store.get_context_by_type_and_name("pipeline_run", run_id)
        executions = store.get_executions_by_context(context.id) if context else []
        for execution in executions:
            node = next(c.name for c in store.get_contexts_by_execution(execution.id) if c.type == "node")
            node = node.split(".", 1)[-1]
            if execution.last_known_state not in complete:
                state = metadata_store_pb2.Execution.State.Name(execution.last_known_state)
                raise ComponentFailed(f"component {node} ended as {state}: see the log of the run")
            events = [
                e
                for e in store.get_events_by_execution_ids([execution.id])
                if e.type == metadata_store_pb2.Event.OUTPUT
            ]
            artifacts = {a.id: a.uri for a in store.get_artifacts_by_id([e.artifact_id for e in events])}
            uris[node] = {e.path.steps[0].key: artifacts[e.artifact_id] for e in events}
    missing = [name for name in expected if name not in uris]
    if missing:
        raise ComponentFailed(f"component {missing[0]} never ran: see the log of the run")
    return uris
