"""ChampionModel: the best version of the last weeks, ready to score, where that is not the one in service.

Layout of the model:
  Format-Serving/     the SavedModel; absent where the model in service is the best
  version.json        {"version": 2022050501}, or null
"""

from tfx.dsl.component.experimental.annotations import OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Model


@component
def ChampionModel(
    model: OutputArtifact[Model],
    workspace: Parameter[str],
    day: Parameter[str],
    days: Parameter[int],
) -> None:
    """Args:
    workspace: URI of the workspace.
    day: ISO date; versions of that day and later are not looked at.
    days: before `day` that a version may be of; with 0 there is no champion.
    """
    from scenerank.components.champion_model.champion import champion
    from scenerank.components.records.release import Served
    from scenerank.components.served_model.serve import SERVING
    from scenerank.components.transfer import mirror
    from scenerank.components.workspace import Workspace

    space = Workspace(workspace)
    version = champion(space, day, days)
    if version is not None:
        mirror(space.model(version), f"{model.uri}/{SERVING}")
    Served(version=version).write(model.uri)
