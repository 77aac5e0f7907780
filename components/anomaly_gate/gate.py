"""Reads what the validators found and decides whether the run may go on."""

from __future__ import annotations

import dataclasses
import logging
from typing import Any, Literal

from tensorflow_metadata.proto.v0 import anomalies_pb2

from scenerank.components import storage
from scenerank.components.records.profile import Findings
from scenerank.components.records.verdict import DayVerdict
from scenerank.errors import DataError

FILE = "SchemaDiff.pb"
LISTED = 10
Severity = Literal["error", "warning", "none"]
_Info = anomalies_pb2.AnomalyInfo
_RANK = {"warning": _Info.WARNING, "error": _Info.ERROR}


@dataclasses.dataclass(frozen=True)
class Anomaly:
    """One thing that a validator found.

    `check` is `schema`, `drift` or `profile`, `feature` empty for the data set as a whole, `kind` TFDV's name of it.
    """

    check: str
    split: str
    feature: str
    severity: str
    kind: str
    description: str


def _anomalies(check: str, split: str, feature: str, info: anomalies_pb2.AnomalyInfo) -> list[Anomaly]:
    severity = _Info.Severity.Name(info.severity).lower()
    reasons = info.reason or [info]  # some carry their text on themselves alone
    return [
        Anomaly(
            check,
            split,
            feature,
            severity,
            _Info.Type.Name(reason.type) if isinstance(reason, _Info.Reason) else "UNKNOWN_TYPE",
            " ".join((reason.description or reason.short_description).split()),
        )
        for reason in reasons
    ]


def read_anomalies(uri: str, check: str) -> list[Anomaly]:
    """All anomalies of an ExampleAnomalies artifact, of each of its splits.

    Raises:
      DataError: the artifact holds no file of a validator, which then did not run.
    """
    files = [file for file in storage.files(uri) if file.endswith(f"/{FILE}")]
    if not files:
        raise DataError(f"{uri} holds no {FILE}: the {check} check did not run; see the log of the run")
    found = []
    for file in files:
        proto = anomalies_pb2.Anomalies.FromString(storage.read(file))
        split = file.split("/")[-2].partition("-")[2]
        for name in sorted(proto.anomaly_info):
            found += _anomalies(check, split, name, proto.anomaly_info[name])
        if proto.HasField("dataset_anomaly_info"):
            found += _anomalies(check, split, "", proto.dataset_anomaly_info)
        if proto.data_missing:
            found.append(Anomaly(check, split, "", "error", "DATA_MISSING", "There are no examples at all."))
    return found


def unusual(findings: Findings) -> list[Anomaly]:
    """What ProfileValidator found, each an error."""
    return [Anomaly("profile", "day", f.measure, "error", "UNUSUAL", f.description) for f in findings.findings]


def verdict(anomalies: list[Anomaly], severity: Severity, reason: str = "", note: str = "") -> DayVerdict:
    """Whether the day passes, and all anomalies, the stopping ones marked `stops`.

    Anomalies whose severity TFDV leaves open count as errors.

    Args:
      reason: why a person lets the day pass; empty: nobody does.
      note: what could not be judged.
    """
    least = _RANK.get(severity)
    if least is None and severity != "none":
        raise ValueError(f"severity {severity!r}: allowed are error, warning, none")
    rows = []
    for anomaly in anomalies:
        rank = _RANK.get(anomaly.severity, _Info.ERROR)
        rows.append({**dataclasses.asdict(anomaly), "stops": least is not None and rank >= least})
    stopped = any(row["stops"] for row in rows)
    accepted = reason if stopped else ""
    passed = bool(reason) or not stopped
    return DayVerdict(passed=passed, severity=severity, anomalies=rows, accepted=accepted, note=note)


def _listed(result: DayVerdict) -> str:
    """What stops the run."""
    stopping: list[dict[str, Any]] = [row for row in result.anomalies if row["stops"]]
    parts = [
        f"{row['feature'] or 'the data set'} ({row['check']}): {row['description'].rstrip('.')}"
        for row in stopping[:LISTED]
    ]
    if len(stopping) > LISTED:
        parts.append(f"and {len(stopping) - LISTED} more")
    return (
        f"the day's examples have {len(stopping)} anomalies of severity {result.severity} or worse: {'; '.join(parts)}"
    )


def sentence(result: DayVerdict) -> str:
    """What stops the run and what to do, in one sentence."""
    return f"{_listed(result)}: mend the logs or the declaration, set checks.severity, or name the day in checks.accept"


def decide(
    schema_uri: str, drift_uri: str, findings_uri: str, severity: Severity, target: str, reason: str = ""
) -> DayVerdict:
    """Writes `verdict.json` into folder `target`, whatever it says.

    Args:
      reason: why a person lets the day pass; empty: nobody does.

    Raises:
      DataError: there is an anomaly of at least `severity`, and nobody lets it pass; the sentence lists them.
    """
    findings = Findings.read(findings_uri)
    anomalies = [*read_anomalies(schema_uri, "schema"), *read_anomalies(drift_uri, "drift"), *unusual(findings)]
    result = verdict(anomalies, severity, reason, findings.note)
    storage.write_json(f"{target}/{DayVerdict.FILE}", result.model_dump(mode="json"))
    if not result.passed:
        raise DataError(sentence(result))
    if result.accepted:
        logging.warning(f"let pass for this reason: {result.accepted}; {_listed(result)}")
    return result
