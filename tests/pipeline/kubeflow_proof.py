"""The same days run by this machine's runner, and from compiled YAML alone by its containers."""

from __future__ import annotations

import dataclasses
import json
import pathlib
from typing import Any

from click.testing import CliRunner

from components.workspace import Workspace
from pipeline.cli import main
from tests.pipeline.kubeflow_launcher import launch


@dataclasses.dataclass(frozen=True)
class Proof:
    """What both left.

    Attributes:
      components: containers in the compiled graphs.
      passed: those of them that ended well.
      local, cluster: `metrics.json` of the evaluation of the second day.
    """

    components: int
    passed: int
    local: dict[str, Any]
    cluster: dict[str, Any]

    @property
    def auc_difference(self) -> float:
        return abs(self.local["slices"][""]["candidate"]["auc"] - self.cluster["slices"][""]["candidate"]["auc"])


def invoked(*arguments: str) -> str:
    """What a command of ours prints.

    Raises:
      RuntimeError: it ended with another code than 0.
    """
    done = CliRunner().invoke(main, arguments)
    if done.exit_code:
        raise RuntimeError(f"{' '.join(arguments)}: {done.output}")
    return done.output


def prove(config: str, local: str, cluster: str, second: str, scratch: pathlib.Path) -> Proof:
    """Takes two days through both.

    Args:
      config: name or path of the configuration.
      local, cluster: workspaces with the same logs and nothing else.
      second: a day trained for and pushed; the one before it is only taken in.
      scratch: folder for what else is written.
    """
    invoked("run", "-w", local, "-c", config, "--day", second)
    record = Workspace(local).read_json(f"{local}/reports/day={second}/run.json")
    components = passed = 0
    metrics: dict[str, Any] = {}
    for name, only, day in (("first", ["--only", "ingestion"], f"{second}-1"), ("second", [], second)):
        out = scratch / f"{name}.yaml"
        invoked("compile", "-c", config, "-w", cluster, "--out", str(out), *only)
        text = out.read_text()
        components += text.count("executorLabel:")
        run = launch(text, {"day": day}, scratch)
        passed += len(run.uris)
        if "Evaluator" in run.uris:
            metrics = json.loads(pathlib.Path(run.uris["Evaluator"]["evaluation"], "metrics.json").read_text())
    return Proof(components, passed, record["metrics"], metrics)
