"""How long training would take at another scale, from a training that was measured."""

from __future__ import annotations

import dataclasses
import math

from rich.console import Console

from scenerank.components.records.run import RunRecord, run_record
from scenerank.components.workspace import Workspace
from scenerank.pipeline.config import Config
from scenerank.pipeline.plan.quantities import Budget, Scale


@dataclasses.dataclass(frozen=True)
class Training:
    """A training that was measured.

    Attributes:
      examples: that were learned from, over all passes and days.
      passes: over the window.
      seconds: of learning, the first step's tracing included.
    """

    examples: int
    passes: float
    seconds: float

    @property
    def rate(self) -> float:
        """Examples a second."""
        return self.examples / self.seconds


def read_training(workspace: Workspace, record: RunRecord) -> Training | None:
    """The training of a run; None where it tells too little, or its artifacts were deleted.

    Args:
      record: `run.json`.
    """
    history = record.history
    place = f"{record.uris['Trainer']['model_run']}/seconds.json"
    if "examples" not in history or not workspace.exists(place):
        return None
    seconds = workspace.read_json(place)
    rows = history["rows"]["train"] + history["rows"]["validation"]
    spent = seconds["training"] + seconds.get("refitting", 0.0)
    return Training(history["examples"], history["examples"] / rows, spent)


def machines(training: Training, rows: float, budget: Budget) -> tuple[float, int]:
    """Hours that the measured machine would learn, and how many such machines do it within the budget.

    Args:
      rows: of the window.
    """
    hours = training.passes * rows / training.rate / 3600
    return hours, max(1, math.ceil(hours / budget.efficiency / budget.hours)) if hours > budget.hours else 1


def trained(root: str, day: str | None) -> Training | None:
    """The training of a workspace's run; None if its artifacts are gone."""
    workspace = Workspace(root)
    return read_training(workspace, run_record(workspace, day))


def spans(config: Config, measured: Training, scale: Scale, budget: Budget) -> dict[int, tuple[float, int]]:
    """Hours on the measured machine, and how many such the budget needs, by days that are learned from."""
    found = {}
    for count in sorted({config.window.days, 1}, reverse=True):
        passes = measured.passes if count > 1 else 1.0  # an incremental training sees a row once
        found[count] = machines(dataclasses.replace(measured, passes=passes), count * scale.impressions, budget)
    return found


def print_training(console: Console, config: Config, measured: Training | None, scale: Scale, budget: Budget) -> None:
    """Learned rows a second of the measured run, and what a window and a day of `scale` would take."""
    console.print("\ntraining")
    if measured is None:
        console.print("  not told: the measured run's artifacts are gone, or it was made by an older version")
        return
    console.print(
        f"  measured: {measured.examples:,} examples in {measured.seconds:,.0f} s, {measured.rate:,.0f} a second, "
        f"{measured.passes:.1f} passes",
        highlight=False,
        soft_wrap=True,
    )
    for count, (hours, many) in spans(config, measured, scale, budget).items():
        what = f"a window of {count} days" if count > 1 else "the newest day alone (trainer.mode: incremental)"
        console.print(
            f"  {what}: {hours:,.1f} hours on the measured machine; {many:,} such within {budget.hours:g} hours",
            highlight=False,
            soft_wrap=True,
        )
