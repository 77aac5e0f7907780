"""DayPublisher: a day's examples, statistics, Fairness Coefficients and quarantine go into the workspace.

Layout of what it publishes:
  quarantine/day=D/   quarantine.parquet, summary.json
  fairness/day=D/     fairness.parquet
  examples/day=D/     examples/*.gz, statistics/FeatureStats.pb, summary.json (the quarantine's counts),
                      profile.json (what later days are compared with), origin.json (what it was made of),
                      verdict.json (what was found)
"""

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import artifact_utils
from tfx.types.standard_artifacts import Examples, ExampleStatistics

from scenerank.components import storage
from scenerank.components.artifacts import DayProfile, FairnessTable, PublishedDay, Quarantine, Verdict

SPLIT = "day"


@component
def DayPublisher(
    examples: InputArtifact[Examples],
    statistics: InputArtifact[ExampleStatistics],
    fairness: InputArtifact[FairnessTable],
    quarantine: InputArtifact[Quarantine],
    verdict: InputArtifact[Verdict],
    profile: InputArtifact[DayProfile],
    published: OutputArtifact[PublishedDay],
    workspace: Parameter[str],
    day: Parameter[str],
) -> None:
    """Args:
    examples, statistics: split `day`.
    verdict: of AnomalyGate: nothing is published without a passing one.
    profile: of LogExampleGen.
    workspace: URI of the workspace.
    day: ISO date; what was published of it before is replaced.
    """
    from scenerank.components.day_publisher.publish import publish_day
    from scenerank.components.workspace import Workspace

    uris = publish_day(
        Workspace(workspace),
        day,
        examples=artifact_utils.get_split_uri([examples], SPLIT),
        statistics=artifact_utils.get_split_uri([statistics], SPLIT),
        fairness=fairness.uri,
        quarantine=quarantine.uri,
        verdict=verdict.uri,
        profile=profile.uri,
    )
    storage.write_json(f"{published.uri}/published.json", {"day": day, **uris})
