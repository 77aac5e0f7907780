"""The file that says that a day's logs are complete."""

import json

import apache_beam as beam
import pytest
from tfx.types.standard_artifacts import Examples, Schema

from scenerank.components.artifacts import DayProfile, Quarantine
from scenerank.components.log_example_gen.component import LogExampleGen
from scenerank.components.log_example_gen.reading.marker import require
from scenerank.components.workspace import Workspace
from scenerank.errors import DataError
from tests.components.ingestion import DAY, declare, put, row


def ingest(workspace, marker):
    artifacts = {"examples": Examples(), "schema": Schema(), "quarantine": Quarantine(), "profile": DayProfile()}
    for name, artifact in artifacts.items():
        artifact.uri = str(workspace / "out" / name)
    LogExampleGen.test_call(
        workspace=str(workspace),
        day=DAY,
        declaration=declare().model_dump_json(),
        settings=json.dumps({"partitions": 1}),
        marker=marker,
        beam_pipeline=beam.Pipeline(),
        **artifacts,
    )


def test_a_day_without_its_marker_is_not_read(tmp_path):
    put(tmp_path, [row()])
    with pytest.raises(DataError, match=f"day={DAY} has no _SUCCESS, so the logs of {DAY} may not be complete: run"):
        ingest(tmp_path, "_SUCCESS")
    assert not (tmp_path / "out").exists()
    (tmp_path / "logs" / f"day={DAY}" / "_SUCCESS").touch()
    ingest(tmp_path, "_SUCCESS")
    assert (tmp_path / "out" / "profile" / "profile.json").exists()


def test_no_marker_is_asked_for_unless_named(tmp_path):
    require(Workspace(str(tmp_path)), DAY, "")
