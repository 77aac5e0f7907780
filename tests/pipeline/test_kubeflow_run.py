"""Containers of compiled pipelines, started from the YAML alone, give what the local runner gives."""

import io
import pathlib
import subprocess
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest

from scenerank.components.workspace import version
from tests.pipeline.kubeflow_launcher import ContainerFailed, launch
from tests.pipeline.kubeflow_proof import prove
from tests.pipeline.small_world import SECOND, World, hashes

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]  # 27 processes, each of which imports TFX
VERSION = version(SECOND, 1)


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The proof, and the worlds that it left: that of the local runner and that of the containers."""
    folder = tmp_path_factory.mktemp("kubeflow")
    local = World.create(folder / "local")
    cluster = local.copy(folder / "cluster")
    assert not cluster.workspace.versions() + cluster.workspace.days("examples")  # logs alone
    told = prove(local.config, local.workspace.root, cluster.workspace.root, SECOND, folder / "scratch")
    return told, local, cluster


def test_all_containers_ran_and_measured_the_same(both):
    told, _, _ = both
    assert told.passed == told.components == 27
    assert told.auc_difference < 1e-3
    assert told.cluster == told.local


def test_the_same_is_published(both):
    _, local, cluster = both
    assert cluster.workspace.days("examples") == local.workspace.days("examples")
    assert cluster.published(*cluster.workspace.days("examples"))
    for day in cluster.workspace.days("fairness"):
        tables = [
            pq.ParquetFile(f"{w.workspace.day('fairness', day)}/fairness.parquet").read() for w in (local, cluster)
        ]
        assert tables[0].equals(tables[1])


def test_the_same_version_with_the_same_weights(both):
    _, local, cluster = both
    assert cluster.workspace.versions() == local.workspace.versions() == [VERSION]
    weights = [np.load(f"{world.workspace.checkpoint(VERSION)}/weights.npz") for world in (local, cluster)]
    assert set(weights[0]) == set(weights[1])
    for name in weights[0]:
        np.testing.assert_array_equal(weights[0][name], weights[1][name])


def test_the_saved_models_score_alike(both, tmp_path):
    """Both score the raw rows of a day, each loaded by `scenerank predict`."""
    _, local, cluster = both
    pq.write_table(local.rows(SECOND), tmp_path / "rows.parquet")
    scores = []
    for name, world in (("local", local), ("cluster", cluster)):
        command = ["from scenerank.pipeline.cli.main import main; main()", "predict", "-w", world.workspace.root]
        command += ["--input", str(tmp_path / "rows.parquet"), "--output", str(tmp_path / f"{name}.parquet")]
        subprocess.run([sys.executable, "-c", *command], check=True, capture_output=True, timeout=300)
        scores.append(pq.ParquetFile(tmp_path / f"{name}.parquet").read()["probability"].to_numpy())
    assert len(scores[0]) == local.rows(SECOND).num_rows
    np.testing.assert_allclose(scores[1], scores[0], atol=1e-6)


def test_a_container_that_refuses_its_input_ends_the_run(both, tmp_path):
    """A day without logs: one sentence in the container's log, and what was pushed stays."""
    _, _, cluster = both
    before = hashes(f"{cluster.workspace.root}/models")
    text = pathlib.Path(cluster.folder.parent, "scratch", "second.yaml").read_text()
    with pytest.raises(ContainerFailed) as failed:
        launch(text, {"day": "2024-05-01"}, tmp_path)
    assert (failed.value.task, failed.value.code) == ("LogExampleGen", 3)
    (line,) = [line for line in io.StringIO(failed.value.told) if line.startswith("scenerank: ")]
    assert "2024-05-01" in line
    assert hashes(f"{cluster.workspace.root}/models") == before
