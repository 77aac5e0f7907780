"""ProfileValidator: compares a day with the published days before it, as no validator of TFX does.

Layout of the findings: `findings.json`: day, the days compared with, and what is unusual, a sentence each.
"""

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component

from scenerank.components.artifacts import DayFindings, DayProfile


@component
def ProfileValidator(
    profile: InputArtifact[DayProfile],
    findings: OutputArtifact[DayFindings],
    workspace: Parameter[str],
    limits: Parameter[str] = "{}",
) -> None:
    """Args:
    profile: of the day, made by LogExampleGen.
    workspace: URI of the workspace, in which the profiles of earlier days are.
    limits: JSON of ProfileLimits.
    """
    from scenerank.components.profile_validator.settings import ProfileLimits
    from scenerank.components.profile_validator.validate import validate
    from scenerank.components.records.profile import Profile
    from scenerank.components.workspace import Workspace

    day = Profile.read(profile.uri)
    validate(Workspace(workspace), day, ProfileLimits.model_validate_json(limits)).write(findings.uri)
