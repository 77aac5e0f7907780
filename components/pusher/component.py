"""Pusher: the blessed candidate becomes `models/<version>/`, version from the date.

Layout of the pushed model: `version.json` with the version and whether it is new; `version` 0 if not blessed.
"""

import json
import os

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Examples, Model, ModelBlessing, ModelEvaluation, ModelRun, PushedModel
from tfx.utils import path_utils

from scenerank.components import storage


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
    from scenerank.components.pusher.digests import digest
    from scenerank.components.pusher.push import push
    from scenerank.components.pusher.settings import PusherSettings
    from scenerank.components.pusher.tf_serving import configure
    from scenerank.components.records.evaluation import Evaluation
    from scenerank.components.records.release import ModelLineage, Pushed
    from scenerank.components.records.window import Window
    from scenerank.components.workspace import Workspace

    result = Pushed(version=0, new=False)
    if storage.exists(os.path.join(blessing.uri, "BLESSED")):
        weights = os.path.join(model_run.uri, "weights")
        record = ModelLineage(
            day=day,
            **json.loads(lineage),
            training=storage.read_json(f"{weights}/history.json")["lineage"],
            window=Window.read(examples.uri),
            metrics=Evaluation.read(evaluation.uri).slices,
        )
        space, chosen = Workspace(workspace), PusherSettings.model_validate_json(settings)
        number, new = push(
            space, day, path_utils.serving_model_path(model.uri), weights, digest(weights), record, chosen.canary
        )
        configure(space, name, chosen)
        result = Pushed(version=number, new=new)
    result.write(pushed.uri)
