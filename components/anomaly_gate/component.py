"""AnomalyGate: validators only note what they find; this stops the run for it.

Layout of the verdict: `verdict.json`: passed, severity, and every anomaly with its check (schema, drift or profile),
split, feature, severity, kind, description and whether it stops the run; why the day was let pass, if it was.
"""

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import ExampleAnomalies

from scenerank.components.artifacts import DayFindings, Verdict


@component
def AnomalyGate(
    anomalies: InputArtifact[ExampleAnomalies],
    drift: InputArtifact[ExampleAnomalies],
    findings: InputArtifact[DayFindings],
    verdict: OutputArtifact[Verdict],
    day: Parameter[str],
    severity: Parameter[str] = "error",
    accept: Parameter[str] = "{}",
) -> None:
    """Args:
    anomalies: of ExampleValidator.
    drift: of DistributionValidator.
    findings: of ProfileValidator.
    day: ISO date.
    severity: `error`, `warning` or `none`; anomalies at least so bad fail the component.
    accept: JSON object: the reasons of days that pass with whatever anomalies.
    """
    import json

    from scenerank.components.anomaly_gate.gate import decide

    decide(anomalies.uri, drift.uri, findings.uri, severity, verdict.uri, json.loads(accept).get(day, ""))
