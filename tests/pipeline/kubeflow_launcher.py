"""Kubeflow Pipelines on this machine, as far as a container can tell: it is given the compiled YAML and nothing else.

Each task's container is started with its own command, arguments and environment, once the tasks that it depends on
have ended. What stands in for `{{$}}` is the ExecutorInput as Kubeflow's launcher writes it: artifacts below the
pipeline's root, those of inputs with the metadata that their producer left, as it comes back from the metadata store
(whole numbers as floats, the type left empty).
"""

from __future__ import annotations

import contextlib
import dataclasses
import graphlib
import json
import os
import pathlib
import signal
import sys
import uuid
from collections.abc import Mapping
from typing import Any

import yaml

from tests import forks

TIMEOUT = 420  # seconds for one container; it is killed then


class ContainerFailed(RuntimeError):
    """A container ended with another code than 0."""

    def __init__(self, task: str, code: int, told: str):
        super().__init__(f"{task} ended with {code}:\n{told}")
        self.task, self.code, self.told = task, code, told


@dataclasses.dataclass
class Run:
    """What a run did.

    Attributes:
      uris: `uris[task][output]`, in the order in which tasks ended.
      metadata: the same of each artifact's metadata.
    """

    uris: dict[str, dict[str, str]] = dataclasses.field(default_factory=dict)
    metadata: dict[str, dict[str, dict[str, Any]]] = dataclasses.field(default_factory=dict)


def launch(text: str, parameters: Mapping[str, Any], scratch: pathlib.Path) -> Run:
    """Executes all containers of a compiled pipeline.

    Args:
      text: the YAML.
      parameters: of the run, by name.
      scratch: where containers put what lies in `/tmp` in a pod.

    Raises:
      ContainerFailed: one failed; those after it were not started.
    """
    specification = next(iter(yaml.safe_load_all(text)))
    tasks = specification["root"]["dag"]["tasks"]
    asked = specification["root"].get("inputDefinitions", {}).get("parameters", {})
    if set(asked) != set(parameters):
        raise ValueError(f"the pipeline's parameters are {sorted(asked)}, not {sorted(parameters)}")
    root = f"{specification['defaultPipelineRoot']}/{specification['pipelineInfo']['name']}/{uuid.uuid4()}"
    run = Run()
    for name in graphlib.TopologicalSorter({n: t.get("dependentTasks", ()) for n, t in tasks.items()}).static_order():
        component = specification["components"][tasks[name]["componentRef"]["name"]]
        container = specification["deploymentSpec"]["executors"][component["executorLabel"]]["container"]
        output = scratch / name / uuid.uuid4().hex / "kfp_outputs" / "output_metadata.json"
        output.parent.mkdir(parents=True)
        given = {
            "inputs": _inputs(tasks[name].get("inputs", {}), parameters, run),
            "outputs": {"artifacts": _outputs(component, f"{root}/{name}"), "outputFile": str(output)},
        }
        _execute(name, container, json.dumps(given), output.parent)
        produced = json.loads(output.read_text()).get("artifacts", {}) if output.exists() else {}
        run.uris[name], run.metadata[name] = {}, {}
        for key, artifacts in given["outputs"]["artifacts"].items():
            (planned,), (told,) = artifacts["artifacts"], produced.get(key, {}).get("artifacts", [{}])
            run.uris[name][key] = told.get("uri", planned["uri"])
            run.metadata[name][key] = {**told.get("metadata", {}), "display_name": key}
    return run


def _inputs(inputs: Mapping[str, Any], parameters: Mapping[str, Any], run: Run) -> dict[str, Any]:
    values = {}
    for name, source in inputs.get("parameters", {}).items():
        if "componentInputParameter" in source:
            values[name] = parameters[source["componentInputParameter"]]
        else:
            values[name] = source["runtimeValue"]["constant"]
    artifacts = {}
    for number, (name, source) in enumerate(inputs.get("artifacts", {}).items()):
        task, key = source["taskOutputArtifact"]["producerTask"], source["taskOutputArtifact"]["outputArtifactKey"]
        metadata = {k: float(v) if isinstance(v, (int, bool)) else v for k, v in run.metadata[task][key].items()}
        artifact = {"name": str(number), "uri": run.uris[task][key], "type": {"instanceSchema": ""}}
        artifacts[name] = {"artifacts": [{**artifact, "metadata": metadata}]}
    return {"parameterValues": values, "artifacts": artifacts}


def _outputs(component: Mapping[str, Any], root: str) -> dict[str, Any]:
    declared = component.get("outputDefinitions", {}).get("artifacts", {})
    return {
        name: {"artifacts": [{"uri": f"{root}/{uuid.uuid4()}/{name}", "type": told["artifactType"], "metadata": {}}]}
        for name, told in declared.items()
    }


def _execute(task: str, container: Mapping[str, Any], given: str, folder: pathlib.Path) -> None:
    line = [part.replace("{{$}}", given) for part in (*container["command"], *container.get("args", ()))]
    outside = {
        "PATH": f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}",
        "HOME": str(folder),
        "TMPDIR": str(folder),
    }
    environment = outside | {variable["name"]: variable["value"] for variable in container.get("env", ())}
    (python, flag, module, *arguments), log = line, folder / "log"
    assert (python, flag) == ("python", "-m")
    process = forks.start(module, arguments, log, environment, folder)
    try:
        process.join(TIMEOUT)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # it, or what it left behind
        process.join()
    if process.exitcode:
        raise ContainerFailed(task, process.exitcode, "\n".join(log.read_text().splitlines()[-25:]))
