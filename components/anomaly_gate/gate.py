"""Reads what the validators found and decides whether the run may go on."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

from pyarrow import fs
from tensorflow_metadata.proto.v0 import anomalies_pb2

from components.errors import DataRefused
from components.transfer import write_json

FILE = "SchemaDiff.pb"
LISTED = 10
Severity = Literal["error", "warning", "none"]
_Info = anomalies_pb2.AnomalyInfo
_RANK = {"warning": _Info.WARNING, "error": _Info.ERROR}


@dataclasses.dataclass(frozen=True)
class Anomaly:
    """One thing that a validator found.

    `check` is `schema` or `drift`, `feature` empty for the data set as a whole, `kind` TFDV's name of it.
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
      DataRefused: the artifact holds no file of a validator, which then did not run.
    """
    filesystem, path = fs.FileSystem.from_uri(uri)
    selector = fs.FileSelector(path, allow_not_found=True, recursive=True)
    files = sorted(i.path for i in filesystem.get_file_info(selector) if i.base_name == FILE)
    if not files:
        raise DataRefused(f"{uri} holds no {FILE}: the {check} check did not run; see the log of the run")
    found = []
    for file in files:
        with filesystem.open_input_stream(file) as stream:
            proto = anomalies_pb2.Anomalies.FromString(stream.read())
        split = file.split("/")[-2].partition("-")[2]
        for name in sorted(proto.anomaly_info):
            found += _anomalies(check, split, name, proto.anomaly_info[name])
        if proto.HasField("dataset_anomaly_info"):
            found += _anomalies(check, split, "", proto.dataset_anomaly_info)
        if proto.data_missing:
            found.append(Anomaly(check, split, "", "error", "DATA_MISSING", "There are no examples at all."))
    return found


def verdict(anomalies: list[Anomaly], severity: Severity) -> dict[str, Any]:
    """`passed`, the severity asked for, and all anomalies, the stopping ones marked `stops`.

    Anomalies whose severity TFDV leaves open count as errors.
    """
    least = _RANK.get(severity)
    if least is None and severity != "none":
        raise ValueError(f"severity {severity!r}: allowed are error, warning, none")
    rows = []
    for anomaly in anomalies:
        rank = _RANK.get(anomaly.severity, _Info.ERROR)
        rows.append({**dataclasses.asdict(anomaly), "stops": least is not None and rank >= least})
    return {"passed": not any(row["stops"] for row in rows), "severity": severity, "anomalies": rows}


def sentence(result: dict[str, Any]) -> str:
    """What stops the run, in one sentence."""
    stopping = [row for row in result["anomalies"] if row["stops"]]
    parts = [
        f"{row['feature'] or 'the data set'} ({row['check']}): {row['description'].rstrip('.')}"
        for row in stopping[:LISTED]
    ]
    if len(stopping) > LISTED:
        parts.append(f"and {len(stopping) - LISTED} more")
    return (
        f"the day's examples have {len(stopping)} anomalies of severity {result['severity']} or worse: "
        f"{'; '.join(parts)}: mend the logs or the declaration, or set checks.severity"
    )


def decide(schema_uri: str, drift_uri: str, severity: Severity, target: str) -> dict[str, Any]:
    """Writes `verdict.json` into folder `target`, whatever it says.

    Raises:
      DataRefused: there is an anomaly of at least `severity`; the sentence lists them.
    """
    result = verdict(read_anomalies(schema_uri, "schema") + read_anomalies(drift_uri, "drift"), severity)
    write_json(f"{target}/verdict.json", result)
    if not result["passed"]:
        raise DataRefused(sentence(result))
    return result
