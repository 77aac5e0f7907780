"""AnomalyGate: which anomalies stop a run, and what it says."""

import json

import pytest
from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx.types.standard_artifacts import ExampleAnomalies

from components.anomaly_gate.component import AnomalyGate
from components.artifacts import Verdict
from components.errors import DataRefused

INFO = anomalies_pb2.AnomalyInfo


def written(folder, split_folder, *found, dataset=None, data_missing=False):
    """An artifact with one file; `found` are (feature, severity, text)."""
    proto = anomalies_pb2.Anomalies(data_missing=data_missing)
    for feature, severity, text in found:
        proto.anomaly_info[feature].severity = severity
        proto.anomaly_info[feature].reason.add(type=INFO.ENUM_TYPE_UNEXPECTED_STRING_VALUES, description=text)
    if dataset:
        proto.dataset_anomaly_info.severity = INFO.ERROR
        proto.dataset_anomaly_info.reason.add(type=INFO.COMPARATOR_LOW_NUM_EXAMPLES, description=dataset)
    (folder / split_folder).mkdir(parents=True)
    (folder / split_folder / "SchemaDiff.pb").write_bytes(proto.SerializeToString())
    return folder


def run(schema, drift, target, severity="error"):
    made = [ExampleAnomalies(), ExampleAnomalies(), Verdict()]
    for artifact, folder in zip(made, (schema, drift, target)):
        artifact.uri = str(folder)
    try:
        AnomalyGate.test_call(anomalies=made[0], drift=made[1], verdict=made[2], severity=severity)
        message = None
    except DataRefused as error:
        message = str(error)
    return message, json.loads((target / "verdict.json").read_text())


@pytest.mark.parametrize(
    ("found", "severity", "stopped"),
    [
        ([], "warning", False),
        ([INFO.WARNING], "error", False),
        ([INFO.WARNING], "warning", True),
        ([INFO.ERROR], "error", True),
        ([INFO.WARNING, INFO.ERROR], "error", True),
        ([INFO.ERROR], "none", False),
        ([INFO.UNKNOWN], "error", True),
    ],
)
def test_severity(tmp_path, found, severity, stopped):
    rows = [(f"column_{i}", s, "is odd") for i, s in enumerate(found)]
    schema = written(tmp_path / "s", "Split-day", *rows)
    drift = written(tmp_path / "d", "SplitPair-day_day")
    message, verdict = run(schema, drift, tmp_path / "v", severity)
    assert (message is not None) == stopped == (not verdict["passed"])
    assert [a["feature"] for a in verdict["anomalies"]] == [name for name, _, _ in rows]


def test_one_sentence_with_every_feature(tmp_path):
    schema = written(tmp_path / "s", "Split-day", ("price", INFO.ERROR, "Out of\n range."), data_missing=True)
    drift = written(tmp_path / "d", "SplitPair-day_day", ("page", INFO.ERROR, "Has drifted."), dataset="Half is gone.")
    message, verdict = run(schema, drift, tmp_path / "v")
    assert message == (
        "the day's examples have 4 anomalies of severity error or worse: price (schema): Out of range; "
        "the data set (schema): There are no examples at all; page (drift): Has drifted; "
        "the data set (drift): Half is gone: mend the logs or the declaration, or set checks.severity"
    )
    assert {(a["check"], a["split"]) for a in verdict["anomalies"]} == {("schema", "day"), ("drift", "day_day")}
    assert all(a["stops"] for a in verdict["anomalies"])


def test_long_lists_are_cut_in_the_sentence_only(tmp_path):
    schema = written(tmp_path / "s", "Split-day", *((f"c{i:02d}", INFO.ERROR, "bad") for i in range(15)))
    message, verdict = run(schema, written(tmp_path / "d", "SplitPair-day_day"), tmp_path / "v")
    assert "c09 (schema): bad; and 5 more: mend" in message
    assert len(verdict["anomalies"]) == 15


def test_a_check_that_did_not_run_is_no_pass(tmp_path):
    (tmp_path / "d").mkdir()
    with pytest.raises(DataRefused, match="the drift check did not run"):
        AnomalyGate.test_call(
            anomalies=artifact_at(written(tmp_path / "s", "Split-day"), ExampleAnomalies),
            drift=artifact_at(tmp_path / "d", ExampleAnomalies),
            verdict=artifact_at(tmp_path / "v", Verdict),
            severity="error",
        )


def test_unknown_severity(tmp_path):
    with pytest.raises(ValueError, match="allowed are error, warning, none"):
        run(written(tmp_path / "s", "Split-day"), written(tmp_path / "d", "SplitPair-x"), tmp_path / "v", "bad")


def artifact_at(folder, kind):
    made = kind()
    made.uri = str(folder)
    return made
