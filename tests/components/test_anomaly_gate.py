"""AnomalyGate: which anomalies stop a run, and what it says."""

import json

import pytest
from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx.types.standard_artifacts import ExampleAnomalies

from scenerank.components.anomaly_gate.component import AnomalyGate
from scenerank.components.artifacts import DayFindings, Verdict
from scenerank.components.records.profile import Finding, Findings
from scenerank.errors import DataError

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


def run(schema, drift, target, severity="error", findings=(), accept=None):
    Findings(note="", findings=list(findings)).write(str(target.parent / "findings"))
    try:
        AnomalyGate.test_call(
            anomalies=artifact_at(schema, ExampleAnomalies),
            drift=artifact_at(drift, ExampleAnomalies),
            findings=artifact_at(target.parent / "findings", DayFindings),
            verdict=artifact_at(target, Verdict),
            day="2024-03-02",
            severity=severity,
            accept=json.dumps(accept or {}),
        )
        message = None
    except DataError as error:
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
        "the data set (drift): Half is gone: mend the logs or the declaration, set checks.severity, "
        "or name the day in checks.accept"
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
    Findings(findings=[]).write(str(tmp_path / "f"))
    with pytest.raises(DataError, match="the drift check did not run"):
        AnomalyGate.test_call(
            anomalies=artifact_at(written(tmp_path / "s", "Split-day"), ExampleAnomalies),
            drift=artifact_at(tmp_path / "d", ExampleAnomalies),
            findings=artifact_at(tmp_path / "f", DayFindings),
            verdict=artifact_at(tmp_path / "v", Verdict),
            day="2024-03-02",
            severity="error",
        )


UNUSUAL = Finding(measure="rows", description="60 rows where the median of 7 days before has 600")


@pytest.mark.parametrize(("severity", "stopped"), [("error", True), ("warning", True), ("none", False)])
def test_an_unusual_day_is_an_error(tmp_path, severity, stopped):
    sources = written(tmp_path / "s", "Split-day"), written(tmp_path / "d", "SplitPair-day_day")
    message, verdict = run(*sources, tmp_path / "v", severity, [UNUSUAL])
    assert (message is not None) == stopped == (not verdict["passed"])
    assert [(a["check"], a["feature"]) for a in verdict["anomalies"]] == [("profile", "rows")]
    assert not stopped or "rows (profile): 60 rows where the median" in message


def test_a_day_that_a_person_accepts_passes_and_says_why(tmp_path, caplog):
    sources = written(tmp_path / "s", "Split-day", ("c", INFO.ERROR, "odd")), written(tmp_path / "d", "SplitPair-x")
    accept = {"2024-03-02": "the sale began", "2024-03-03": "another"}
    message, verdict = run(*sources, tmp_path / "v", findings=[UNUSUAL], accept=accept)
    assert message is None and verdict["passed"] and verdict["accepted"] == "the sale began"
    assert [a["stops"] for a in verdict["anomalies"]] == [True, True]
    assert "the sale began" in caplog.text and "c (schema): odd; rows (profile): 60 rows" in caplog.text


def test_a_day_in_no_need_of_it_is_not_called_accepted(tmp_path):
    sources = written(tmp_path / "s", "Split-day"), written(tmp_path / "d", "SplitPair-x")
    message, verdict = run(*sources, tmp_path / "v", accept={"2024-03-02": "in case"})
    assert message is None and verdict["passed"] and verdict["accepted"] == ""


def test_another_day_is_not_accepted(tmp_path):
    sources = written(tmp_path / "s", "Split-day"), written(tmp_path / "d", "SplitPair-x")
    message, _ = run(*sources, tmp_path / "v", findings=[UNUSUAL], accept={"2024-03-01": "the sale began"})
    assert message is not None


def test_unknown_severity(tmp_path):
    with pytest.raises(ValueError, match="allowed are error, warning, none"):
        run(written(tmp_path / "s", "Split-day"), written(tmp_path / "d", "SplitPair-x"), tmp_path / "v", "bad")


def artifact_at(folder, kind):
    made = kind()
    made.uri = str(folder)
    return made
