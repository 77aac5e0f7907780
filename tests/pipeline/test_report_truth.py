"""The sections that need a simulated day: the truth, and scores of the unbiased one."""

from __future__ import annotations

import json
import pathlib

import apache_beam as beam
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import tensorflow as tf

from scenerank.components.log_example_gen.graph import Job
from scenerank.components.log_example_gen.ingest import ingest
from scenerank.components.log_example_gen.settings import IngestSettings
from scenerank.components.log_example_gen.writing.tf_example import encode
from scenerank.components.workspace import Workspace
from scenerank.pipeline.report.build import build_report
from scenerank.pipeline.report.run import Run
from scenerank.pipeline.simulated import truth
from scenerank.pipeline.simulated.known import known
from scenerank.pipeline.simulated.unbiased import examples_of, score_unbiased
from scenerank.pipeline.sources.simulator import simulate
from scenerank.pipeline.sources.simulator.oracle import auc, read
from scenerank.schemas import load_declaration
from tests.pipeline import report_workspace as made

DAY = "2024-03-03"
DECLARATION = load_declaration("simulator")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory) -> Workspace:
    root = tmp_path_factory.mktemp("truth")
    simulate(str(root), days=3, scenarios=4, users=150, items=60, impressions_per_day=1500)
    space = Workspace(str(root))
    save_model(space, root / "tfx" / "Trainer" / "model" / "1" / "Format-Serving")
    record = made.record(DAY, served=False, pushed=False) | {
        "config": {"declaration": "simulator", "trainer": {"model": "sar_net"}},
        "uris": {"Trainer": {"model": space.uri("tfx", "Trainer", "model", "1")}},
    }
    space.write_text(space.uri("reports", f"day={DAY}", "run.json"), json.dumps(record))
    return space


def save_model(space: Workspace, folder: pathlib.Path) -> None:
    """A SavedModel that prefers what is dear, and what was clicked more often than others."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def serve(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        names = ("price", "rate_is_click_item_id")
        parsed = tf.io.parse_example(examples, {name: tf.io.FixedLenFeature([], tf.float32) for name in names})
        return {"probability": tf.sigmoid(parsed[names[0]] / 1000 + parsed[names[1]])}

    module = tf.Module()
    tf.saved_model.save(module, str(folder), signatures={"serving_default": serve})


def test_scores_of_the_unbiased_day(workspace):
    path = workspace.uri("tfx", "Trainer", "model", "1", "Format-Serving")
    scored = score_unbiased(workspace, DAY, {"candidate": path}, DECLARATION)
    logged = read(workspace, "unbiased", DAY).to_pandas()
    assert len(scored) == len(logged) == 1500 and scored["probability"].notna().all()
    both = scored.merge(logged, on=["request_id", "item_id"], suffixes=("", "_logged"))
    assert (both["is_click"] == both["is_click_logged"]).all() and (both["category"] == both["category_logged"]).all()
    # the rate of an item is that of the days before, by hand
    earlier = pd.concat([read(workspace, "logs", d).to_pandas() for d in ("2024-03-01", "2024-03-02")])
    rate, prior = earlier["is_click"].mean(), DECLARATION.rates.prior
    sums = earlier.groupby("item_id")["is_click"].agg(["sum", "count"])
    lift = np.log((sums["sum"] + prior * rate) / (sums["count"] + prior) / rate)
    logit = both["price"] / 1000 + both["item_id"].map(lift).fillna(0.0)
    np.testing.assert_allclose(both["candidate"], 1 / (1 + np.exp(-logit)), rtol=1e-4)


def test_a_sample_keeps_requests_whole(workspace):
    scored = score_unbiased(workspace, DAY, {}, DECLARATION, most=500)
    assert 300 < len(scored) < 700
    whole = read(workspace, "unbiased", DAY, ["request_id"]).to_pandas()["request_id"].value_counts()
    kept = scored["request_id"].value_counts()
    assert (kept == whole.loc[kept.index]).all()


@pytest.mark.slow
def test_examples_are_those_of_ingestion(workspace, tmp_path):
    job = Job(
        workspace=workspace.root,
        day=DAY,
        declaration=DECLARATION.model_dump_json(),
        settings=IngestSettings(partitions=2),
        examples=str(tmp_path / "examples"),
        split=str(tmp_path / "examples" / "Split-day"),
        quarantine=str(tmp_path / "quarantine"),
        profile=str(tmp_path / "profile"),
    )
    ingest(job, beam.Pipeline())
    files = [str(path) for path in (tmp_path / "examples" / "Split-day").glob("*.gz")]
    wanted = sorted(tf.data.TFRecordDataset(files, compression_type="GZIP").as_numpy_iterator())
    mine = examples_of(workspace, DAY, DECLARATION, read(workspace, "logs", DAY))
    assert sorted(record for batch in mine for record in encode(batch)) == wanted


def test_promotions_are_those_of_the_truth(workspace):
    pairs = truth.promotions(workspace, DAY)
    whole = read(workspace, "truth", DAY).to_pandas()
    assert pairs["boosted"].sum() == whole["boosted"].sum() > 0
    assert truth.promotions(workspace, "2024-03-01") is None  # an ordinary day
    assert truth.promotions(workspace, "2030-01-01") is None


def test_page_compares_with_the_oracle(workspace):
    text = workspace.read_text(build_report(workspace, DAY, known))
    label = read(workspace, "logs", DAY, ["is_click"])["is_click"].to_numpy()
    best = auc(label, read(workspace, "truth", DAY, ["probability"])["probability"].to_numpy())
    path = workspace.uri("tfx", "Trainer", "model", "1", "Format-Serving")
    scored = score_unbiased(workspace, DAY, {"candidate": path}, DECLARATION)
    unbiased = auc(scored["is_click"].to_numpy(), scored["candidate"].to_numpy())
    assert "Against the truth" in text and "Exposure by category" in text and "could not be drawn" not in text
    for value in (best, unbiased):
        assert f"{value:.4f}" in text
    assert f"{(0.7312 - 0.5) / (best - 0.5) * 100:.1f} %" in text


def test_without_the_unbiased_day_or_a_model(workspace):
    run = Run.read(workspace, DAY)
    lost = Run(workspace, DAY, run.record.model_copy(update={"uris": {}}))
    section = truth.section(lost, truth.oracle(workspace, DAY))
    assert any("no longer in the workspace" in getattr(block, "text", "") for block in section.blocks)


def test_examples_without_earlier_days(workspace):
    day = "2024-03-01"
    logs = read(workspace, "logs", day)
    (batch,) = examples_of(workspace, day, DECLARATION, logs)
    assert batch.num_rows == logs.num_rows
    assert not np.any(batch.column("rate_is_click_item_id").to_numpy())
    assert examples_of(workspace, day, DECLARATION, logs[:0]) == []
    assert isinstance(batch, pa.RecordBatch)
