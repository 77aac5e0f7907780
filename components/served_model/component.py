"""ServedModel: the version in service before a day, ready to score, to be compared with and to start from.

Layout of the model:
  Format-Serving/     the SavedModel; absent where nothing is in service
  Format-Training/    its training weights
  version.json        {"version": 2022050501}, or null
"""

from tfx.dsl.component.experimental.annotations import OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Model


@component
def ServedModel(
    model: OutputArtifact[Model],
    workspace: Parameter[str],
    day: Parameter[str],
) -> None:
    """Args:
    workspace: URI of the workspace.
    day: ISO date; versions of that day and later are not looked at.
    """
    from scenerank.components.served_model.serve import fetch
    from scenerank.components.workspace import Workspace

    fetch(Workspace(workspace), day, model.uri)
