"""PreviousStatistics: the baseline of DistributionValidator.

The statistics published with the latest day before this one; the day's own where there is none, because
DistributionValidator without a baseline fails in the metadata store while the run goes on.
"""

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import artifact_utils
from tfx.types.standard_artifacts import ExampleStatistics

SPLIT = "day"


@component
def PreviousStatistics(
    statistics: InputArtifact[ExampleStatistics],
    previous: OutputArtifact[ExampleStatistics],
    workspace: Parameter[str],
    day: Parameter[str],
) -> None:
    """Args:
    statistics: of `day`, split `day`.
    workspace: URI of the workspace.
    day: ISO date.
    """
    from scenerank.components.previous_statistics.baseline import fetch
    from scenerank.components.workspace import Workspace

    fetch(Workspace(workspace), day, artifact_utils.get_split_uri([statistics], SPLIT), f"{previous.uri}/Split-{SPLIT}")
    previous.split_names = artifact_utils.encode_split_names([SPLIT])
    previous.span = statistics.span
