"""The checks of a day by the real components: StatisticsGen to AnomalyGate, and on to the training window."""

import json
import pathlib

import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tfx.components import StatisticsGen
from tfx.components.distribution_validator.component import DistributionValidator
from tfx.components.example_validator.component import ExampleValidator
from tfx.dsl.components.common.importer import Importer
from tfx.types.standard_artifacts import Examples, Schema

from scenerank.components.anomaly_gate.component import AnomalyGate
from scenerank.components.anomaly_gate.gate import decide, read_anomalies
from scenerank.components.artifacts import DayFindings, DayProfile, Quarantine
from scenerank.components.day_publisher.component import DayPublisher
from scenerank.components.examples_window.component import ExamplesWindow
from scenerank.components.examples_window.settings import WindowSettings
from scenerank.components.fairness_coefficient.component import FairnessCoefficient
from scenerank.components.previous_statistics.component import PreviousStatistics
from scenerank.components.previous_statistics.drift import drift_config
from scenerank.components.served_model.component import ServedModel
from scenerank.components.workspace import Workspace
from scenerank.errors import DataError
from scenerank.pipeline.daily.local_runner import run_graph
from scenerank.schemas import FAIRNESS
from scenerank.schemas.tfmd import schema
from tests.components import small_days

pytestmark = pytest.mark.slow
DECLARATION = small_days.DECLARATION.model_dump_json()


def graph(workspace, folder, day, table, severity="error", threshold=0.2):
    """From examples to a published day."""
    small_days.write_split(folder / day / "examples" / "Split-day", small_days.serialized(table))
    small_days.fill(folder / day / "schema", schema__pbtxt=text_format.MessageToString(schema(small_days.DECLARATION)))
    small_days.fill(folder / day / "quarantine", quarantine__parquet="", summary__json="{}")
    small_days.fill(folder / day / "profile", profile__json="{}", origin__json="{}")
    small_days.fill(folder / day / "findings", findings__json="{}")

    def given(kind, name, **properties):
        uri = str(folder / day / name)
        return Importer(source_uri=uri, artifact_type=kind, properties=properties).with_id(f"Given_{name}")

    examples = given(Examples, "examples", split_names='["day"]')
    declared, quarantine = given(Schema, "schema"), given(Quarantine, "quarantine")
    profile, findings = given(DayProfile, "profile"), given(DayFindings, "findings")
    statistics = StatisticsGen(examples=examples.outputs["result"], schema=declared.outputs["result"])
    previous = PreviousStatistics(workspace=workspace.root, day=day, statistics=statistics.outputs["statistics"])
    anomalies = ExampleValidator(statistics=statistics.outputs["statistics"], schema=declared.outputs["result"])
    drift = DistributionValidator(
        statistics=statistics.outputs["statistics"],
        baseline_statistics=previous.outputs["previous"],
        config=drift_config(small_days.DECLARATION, threshold),
    )
    gate = AnomalyGate(
        anomalies=anomalies.outputs["anomalies"],
        drift=drift.outputs["anomalies"],
        findings=findings.outputs["result"],
        day=day,
        severity=severity,
    )
    served = ServedModel(workspace=workspace.root, day=day)
    fairness = FairnessCoefficient(
        examples=examples.outputs["result"],
        model=served.outputs["model"],
        workspace=workspace.root,
        day=day,
        declaration=DECLARATION,
    )
    publisher = DayPublisher(
        workspace=workspace.root,
        day=day,
        examples=fairness.outputs["output"],
        statistics=statistics.outputs["statistics"],
        fairness=fairness.outputs["fairness"],
        quarantine=quarantine.outputs["result"],
        verdict=gate.outputs["verdict"],
        profile=profile.outputs["result"],
    )
    checks = [examples, declared, quarantine, profile, findings, statistics, previous, anomalies, drift, gate]
    return [*checks, served, fairness, publisher]


@pytest.fixture(scope="module")
def two_days(tmp_path_factory):
    """2024-03-01 without and 2024-03-02 with a model in service, alike but for chance."""
    folder = tmp_path_factory.mktemp("days")
    workspace = Workspace(str(folder / "w"))
    runs = [run_graph(graph(workspace, folder, "2024-03-01", small_days.rows(2000, seed=1)), workspace, "one")]
    small_days.save_model(folder / "w" / "models" / "2024030101")
    small_days.fill(folder / "w" / "checkpoints" / "2024030101", weights__npz="")
    runs.append(run_graph(graph(workspace, folder, "2024-03-02", small_days.rows(2000, seed=2)), workspace, "two"))
    return workspace, folder, runs


def verdict(run):
    return json.loads(pathlib.Path(run.uris["AnomalyGate"]["verdict"], "verdict.json").read_text())


def test_days_alike_pass_and_are_published(two_days):
    workspace, _, runs = two_days
    assert [verdict(run)["anomalies"] for run in runs] == [[], []]
    assert all(workspace.days(t) == ["2024-03-01", "2024-03-02"] for t in ("examples", "fairness", "quarantine"))
    for run, day in zip(runs, ("2024-03-01", "2024-03-02")):
        published = json.loads(pathlib.Path(run.uris["DayPublisher"]["published"], "published.json").read_text())
        assert published["examples"] == workspace.day("examples", day)
    previous = pathlib.Path(runs[1].uris["PreviousStatistics"]["previous"], "Split-day", "FeatureStats.pb")
    own = pathlib.Path(runs[0].uris["StatisticsGen"]["statistics"], "Split-day", "FeatureStats.pb")
    assert previous.read_bytes() == own.read_bytes()


def test_the_model_in_service_scores_the_second_day_only(two_days):
    workspace, _, _ = two_days
    first, second = (
        pq.ParquetFile(f"{workspace.day('fairness', day)}/fairness.parquet").read()
        for day in ("2024-03-01", "2024-03-02")
    )
    assert set(first["raw_fc"].to_pylist()) == {1.0}
    assert len(set(second["raw_fc"].to_pylist())) > 10


def test_the_window_reads_what_was_published(two_days):
    workspace, _, _ = two_days
    settings = WindowSettings(days=7).model_dump_json()
    window = ExamplesWindow(
        workspace=workspace.root, day="2024-03-02", declaration=DECLARATION, settings=settings, ingest="{}"
    )
    statistics = StatisticsGen(examples=window.outputs["examples"], schema=window.outputs["schema"])
    anomalies = ExampleValidator(statistics=statistics.outputs["statistics"], schema=window.outputs["schema"])
    run = run_graph([window, statistics, anomalies], workspace, "window")
    assert read_anomalies(run.uris["ExampleValidator"]["anomalies"], "schema") == []
    for split in ("train", "eval"):
        records = small_days.read_split(pathlib.Path(run.uris["ExamplesWindow"]["examples"], f"Split-{split}"))
        assert len(records) == 2000
        assert FAIRNESS in tf.train.Example.FromString(records[0]).features.feature


def test_gross_drift_stops_the_day(two_days):
    workspace, folder, _ = two_days
    before = {table: workspace.days(table) for table in ("examples", "fairness", "quarantine")}
    drifted = small_days.rows(2000, shares=(0.1, 0.3, 0.6), rate=0.5)
    with pytest.raises(DataError, match=r"2 anomalies .* clicked \(drift\): .* page \(drift\): "):
        run_graph(graph(workspace, folder / "drift", "2024-03-03", drifted), workspace, "drifted")
    assert {table: workspace.days(table) for table in before} == before


def test_a_label_out_of_its_values_is_noted_and_stops_if_asked(tmp_path):
    workspace = Workspace(str(tmp_path / "w"))
    table = small_days.rows(500)
    wrong = table.set_column(table.column_names.index("clicked"), "clicked", table["ad"])
    run = run_graph(graph(workspace, tmp_path, "2024-05-01", wrong, severity="none"), workspace, "noted")
    assert verdict(run)["passed"]
    assert {a["feature"] for a in verdict(run)["anomalies"]} == {"clicked"}
    assert workspace.days("examples") == ["2024-05-01"]
    with pytest.raises(DataError, match=r"clicked \(schema\): "):
        decide(
            run.uris["ExampleValidator"]["anomalies"],
            run.uris["DistributionValidator"]["anomalies"],
            str(tmp_path / "2024-05-01" / "findings"),
            "error",
            str(tmp_path / "again"),
        )
