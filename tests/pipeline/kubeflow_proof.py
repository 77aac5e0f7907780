"""The same days run by this machine's runner, and from compiled YAML alone by its containers."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import subprocess
import sys
from typing import Any

from scenerank.components.workspace import Workspace
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
    """What a command of ours prints, in a process of its own.

    Raises:
      RuntimeError: it ended with another code than 0.
    """
    line = [sys.executable, "-c", "from scenerank.pipeline.cli.main import main; main()", *arguments]
    done = subprocess.run(line, capture_output=True, text=True, timeout=900)
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)} ended with {done.returncode}: {done.stderr[-600:]}")
    return done.stdout


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
