"""What a container of a compiled pipeline starts: TFX's own entry made to fit.

`python -m scenerank.pipeline.cluster.container` and TFX's arguments. Kubeflow Pipelines leaves the types of
input artifacts empty, and TFX's entry needs them: they are taken from the declaration of the component's inputs, which
is on the command line as well. Nor does it make the folders of outputs, as TFX's driver does. The day may be a date
and days before it, see `components.days`. A refusal ends in one sentence and its exit code.
"""

from __future__ import annotations

import runpy
import sys
import traceback
from collections.abc import Sequence

import click
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from scenerank.components import storage
from scenerank.components.days import day_of
from scenerank.errors import ExitCode, SceneRankError, cause_of

MODULE = "tfx.orchestration.kubeflow.v2.container.kubeflow_v2_run_executor"
INVOCATION, INPUTS = "--json_serialized_invocation_args", "--json_serialized_inputs_spec_args"


def prepared(arguments: Sequence[str]) -> list[str]:
    """Makes the folders of outputs.

    Returns:
      The arguments with the type of every input artifact, and with the day as an ISO date.

    Raises:
      DataError: the day is none.
    """
    line = list(arguments)
    invocation, inputs = line.index(INVOCATION) + 1, line.index(INPUTS) + 1
    given = json_format.Parse(line[invocation], pipeline_spec_pb2.ExecutorInput(), ignore_unknown_fields=True)
    declared = json_format.Parse(line[inputs], pipeline_spec_pb2.ComponentInputsSpec(), ignore_unknown_fields=True)
    for name, artifacts in given.inputs.artifacts.items():
        for artifact in artifacts.artifacts:
            if not (artifact.type.instance_schema or artifact.type.schema_title):
                artifact.type.CopyFrom(declared.artifacts[name].artifact_type)
    if "day" in given.inputs.parameter_values:
        day = given.inputs.parameter_values["day"]
        day.string_value = day_of(day.string_value)
    for artifacts in given.outputs.artifacts.values():
        for artifact in artifacts.artifacts:
            storage.make_folder(artifact.uri)
    line[invocation] = json_format.MessageToJson(given)
    return line


def main(arguments: Sequence[str]) -> int:
    """Runs the component that the arguments name.

    Returns:
      The exit code.
    """
    try:
        sys.argv[1:] = prepared(arguments)
        runpy.run_module(MODULE, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        return int(end.code or 0)
    except Exception as error:
        traceback.print_exc()
        cause = cause_of(error)
        if not isinstance(cause, SceneRankError):
            return ExitCode.FAILED
        click.echo(f"scenerank: {cause}", err=True)
        return cause.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
