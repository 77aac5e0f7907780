"""Pusher: the blessed candidate becomes `models/<version>/`, version from the date.

Layout of the pushed model: `version.json` with the version and whether it is new; `version` 0 if not blessed.
"""

import json
import os

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.io import fileio
from tfx.types.standard_artifacts import Examples, Model, ModelBlessing, ModelEvaluation, ModelRun, PushedModel
from tfx.utils import path_utils


@component
def Pusher(
    model: InputArtifact[Model],
    model_run: InputArtifact[ModelRun],
    blessing: InputArtifact[ModelBlessing],
    evaluation: InputArtifact[ModelEvaluation],
    examples: InputArtifact[Examples],
    pushed: OutputArtifact[PushedModel],
    workspace: Parameter[str],
    day: Parameter[str],
    name: Parameter[str],
    settings: Parameter[str],
    lineage: Parameter[str],
) -> None:
    """Args:
    model_run: its weights are kept; what they were made of goes into the lineage file.
    examples: the window; its `window.json` goes there, too.
    name: of the model in TF Serving.
    settings: `PusherSettings` as JSON.
    lineage: JSON of what else to record: configuration, code version.
    """
    from components.pusher.push import digest, push
    from components.pusher.settings import PusherSettings
    from components.pusher.tf_serving import configure
    from components.workspace import Workspace

    def read(uri: str) -> dict:
        with fileio.open(uri) as stream:
            return json.loads(stream.read())

    result = {"version": 0, "new": False}
    if fileio.exists(os.path.join(blessing.uri, "BLESSED")):
        weights = os.path.join(model_run.uri, "weights")
        record = {
            "day": day,
            **json.loads(lineage),
            "training": read(os.path.join(weights, "history.json"))["lineage"],
            "window": read(os.path.join(examples.uri, "window.json")),
            "metrics": read(os.path.join(evaluation.uri, "metrics.json"))["slices"],
        }
        space, told = Workspace(workspace), PusherSettings.model_validate_json(settings)
        number, new = push(
            space, day, path_utils.serving_model_path(model.uri), weights, digest(weights), record, told.canary
        )
        configure(space, name, told)
        result = {"version": number, "new": new}
    fileio.makedirs(pushed.uri)
    with fileio.open(os.path.join(pushed.uri, "version.json"), "w") as stream:
        stream.write(json.dumps(result))
