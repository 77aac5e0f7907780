"""A run as a function of its date."""

from __future__ import annotations

import contextlib
import dataclasses
import uuid
from collections.abc import Callable, Mapping, Sequence

from scenerank.components import storage
from scenerank.components.days import is_day
from scenerank.components.examples_window.folds import of_fold
from scenerank.components.locks import held
from scenerank.components.profile_validator.validate import accepted_days
from scenerank.components.records.evaluation import Evaluation
from scenerank.components.records.release import Blessing, Pushed
from scenerank.components.records.run import RunRecord, report_folder
from scenerank.components.records.window import Window
from scenerank.components.workspace import Workspace, shift
from scenerank.errors import DataError, WorkspaceError, cause_of
from scenerank.pipeline.config import Config
from scenerank.pipeline.daily.needed import Needed, needed
from scenerank.pipeline.daily.noted import Noted
from scenerank.pipeline.daily.resume import Resumed
from scenerank.pipeline.daily.retention import begin_anew, clean

Progress = Callable[[str, str, str], None]
"""Called with day, component and `running` or `finished`."""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a run ended."""

    record: RunRecord

    @property
    def day(self) -> str:
        """That was run."""
        return self.record.day

    @property
    def version(self) -> int:
        """0 where nothing was pushed; `objections` say why."""
        return self.record.version or 0

    @property
    def new(self) -> bool:
        """Whether the version was pushed now; an equal one stays."""
        return self.record.new

    @property
    def objections(self) -> list[str]:
        """A sentence for each reason not to push."""
        return self.record.verdict.objections

    @property
    def blessed(self) -> bool:
        """Whether the day's model was blessed."""
        return self.version > 0


def locked(workspace: Workspace) -> contextlib.AbstractContextManager[None]:
    """One run at a time in a workspace; in an object store the scheduler has to see to that.

    Raises:
      WorkspaceError: another run holds it.
    """
    refusal = WorkspaceError(f"another run is at work in {workspace.root}: wait for it to end")
    return held(workspace, ".lock", refusal)


def run_day(
    config: Config,
    root: str,
    day: str,
    progress: Progress = lambda day, name, state: None,
    resume: bool = True,
) -> Outcome:
    """Takes `day` from logs to a model in service.

    Args:
      root: URI of the workspace.
      resume: whether components that a run of the day completed before it failed are not run again, if all that they
        read is as it was.

    Raises:
      WorkspaceError: bad input; what is in service and what was published are as before.
    """
    if not is_day(day):
        raise WorkspaceError(f"{day!r} is no day: write it as 2022-05-31")
    workspace = Workspace(root)
    with locked(workspace), Noted(config, workspace, day) as noted:

        def told(what: str, name: str, state: str) -> None:
            noted.component = name if state == "running" else ""
            progress(what, name, state)

        begin_anew(workspace, config.retention)
        wanted = needed(config, workspace, day)
        resumed = Resumed(config, workspace, day, fresh=not resume)
        outcome = _run(config, workspace, day, wanted, resumed, told)
        resumed.ended()
        noted.record = outcome.record
        clean(workspace, config.retention, config.needed_days)
        return outcome


def _run(
    config: Config, workspace: Workspace, day: str, wanted: Needed, resumed: Resumed, progress: Progress
) -> Outcome:
    from tfx.dsl.components.base.base_node import BaseNode
    from tfx.dsl.components.common.importer import Importer
    from tfx.types.standard_artifacts import Model

    from scenerank.pipeline.daily import graph
    from scenerank.pipeline.daily.local_runner import GraphRun, run_graph

    root = workspace.root
    seconds: dict[str, float] = {}
    core_seconds: dict[str, float] = {}

    def run(components: Sequence[BaseNode], what: str) -> GraphRun:
        def listener(name: str, state: str) -> None:
            if (name, state) == ("DayPublisher", "finished"):
                resumed.published(what)
            progress(what, name, state)

        run_id = f"{what}-{uuid.uuid4().hex[:8]}"
        result = run_graph(components, workspace, run_id, config.beam_options, listener, resumed.name)
        for total, times in ((seconds, result.seconds), (core_seconds, result.core_seconds)):
            for name, value in times.items():
                total[name] = round(total.get(name, 0.0) + value, 2)
        return result

    skipped = dict.fromkeys(wanted.skipped, "neither logs nor examples")
    for earlier in wanted.days[:-1]:
        served = graph.served_model(root, earlier)
        try:
            run([served, *graph.ingestion(config, root, earlier, served.outputs["model"])], earlier)
        except Exception as error:
            cause = cause_of(error)
            if not isinstance(cause, DataError) or earlier in wanted.stale or not _spared(config, skipped):
                raise
            skipped[earlier] = str(cause)
    served = graph.served_model(root, day)
    ingestion = graph.ingestion(config, root, day, served.outputs["model"])
    if config.fairness.first_day == "two_pass" and workspace.served(before=day) is None:
        # Eq. 1 needs a model's scores: train once without, then score the window and start over
        run([served, *ingestion], day)
        before = [d for d in workspace.days("examples") if shift(day, -config.window.days) <= d < day]
        for fold in (0, 1):  # in-sample scores would carry each row's label into its own coefficient
            if not of_fold(before, fold):
                continue
            served = graph.served_model(root, day)
            training = graph.training(config, root, day, served.outputs["model"], fold=fold)
            learning = [served, training.window, training.transform, training.trainer]
            trained = run(learning, day).uris["Trainer"]["model"]
            for scored in of_fold([*before, day], 1 - fold):
                first = Importer(source_uri=trained, artifact_type=Model).with_id("FirstPass")
                run([first, *graph.ingestion(config, root, scored, first.outputs["result"])], scored)
        served = graph.served_model(root, day)
        result = run([served, *graph.training(config, root, day, served.outputs["model"])], day)
    else:
        training = graph.training(config, root, day, served.outputs["model"], after=ingestion.publisher)
        result = run([served, *ingestion, *training], day)
    ingested = [d for d in wanted.days if d not in skipped]
    record = _record(config, workspace, day, ingested, result.uris, seconds, core_seconds)
    record = record.model_copy(update={"stale": wanted.stale, "skipped": skipped, "resumed": resumed.goes_on})
    record.write(report_folder(workspace, day))
    return Outcome(record)


def _spared(config: Config, skipped: Mapping[str, str]) -> bool:
    """Whether one more day of the window may be missing."""
    return config.window.missing == "skip" and len(skipped) < config.window.most_missing


def _record(
    config: Config,
    workspace: Workspace,
    day: str,
    ingested: list[str],
    uris: dict[str, dict[str, str]],
    seconds: dict[str, float],
    core_seconds: dict[str, float],
) -> RunRecord:
    """What the run's artifacts tell of it."""

    def folder(component: str, output: str) -> str:
        return uris[component][output]

    pushed = Pushed.read(folder("Pusher", "pushed"))
    return RunRecord(
        day=day,
        version=pushed.version,
        new=pushed.new,
        served_before=workspace.served(before=day),
        verdict=Blessing.read(folder("Blesser", "blessing")),
        window=Window.read(folder("ExamplesWindow", "examples")),
        ingested=ingested,
        accepted=accepted_days(workspace, ingested),
        metrics=Evaluation.read(folder("Evaluator", "evaluation")),
        history=storage.read_json(f"{folder('Trainer', 'model_run')}/weights/history.json"),
        seconds=seconds,
        core_seconds=core_seconds,
        uris=uris,
        config=config.recorded,
        declaration=config.declared.model_dump(mode="json"),
    )
