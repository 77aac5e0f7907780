"""AnomalyGate: ExampleValidator and DistributionValidator only note what they find; this stops the run for it.

Layout of the verdict: `verdict.json`: passed, severity, and every anomaly with its check (schema or drift),
split, feature, severity, kind, description and whether it stops the run.
"""

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import ExampleAnomalies

from components.artifacts import Verdict


@component
def AnomalyGate(
    anomalies: InputArtifact[ExampleAnomalies],
    drift: InputArtifact[ExampleAnomalies],
    verdict: OutputArtifact[Verdict],
    severity: Parameter[str] = "error",
) -> None:
    """Args:
    anomalies: of ExampleValidator.
    drift: of DistributionValidator.
    severity: `error`, `warning` or `none`; anomalies at least so bad fail the component.
    """
    from components.anomaly_gate.gate import decide

    decide(anomalies.uri, drift.uri, severity, verdict.uri)
