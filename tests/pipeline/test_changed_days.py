"""Days whose logs change after they were published, days that are lost, and another data set, through whole runs."""

from __future__ import annotations

import shutil

import pyarrow as pa
import pytest

from scenerank.components.workspace import shift
from scenerank.errors import ExitCode
from scenerank.pipeline.config import load_config
from scenerank.pipeline.daily.needed import needed
from tests.pipeline.small_world import DAY, FIRST, SECOND, changed

pytestmark = pytest.mark.slow


def record(world, day=DAY):
    return world.workspace.read_json(world.workspace.uri("reports", f"day={day}", "run.json"))


def test_late_clicks_are_taken_in_by_the_next_run(world, capfd):
    before = world.published(FIRST, SECOND)
    world.write(changed(world.rows(FIRST), "is_click", 1, slice(0, 40)), FIRST)
    refused = world.run("--day", DAY, "--set", "window.stale=refuse")
    assert (
        refused.code == ExitCode.REFUSED and f"{FIRST}: logs/day={FIRST}/part-00000.parquet changed" in refused.sentence
    )
    assert world.published(FIRST, SECOND) == before
    answer = world.run("--day", DAY)
    assert answer.code == 0, answer.text
    printed = capfd.readouterr().out
    assert f"{FIRST} was made again" in printed and f"{SECOND} was made again" in printed
    assert record(world)["ingested"] == [FIRST, SECOND, DAY]
    assert world.published(FIRST, SECOND) != before
    assert needed(load_config(world.config), world.workspace, DAY).days == [DAY]


def test_days_that_are_missing_are_left_out_where_that_is_allowed(world, capfd):
    later = shift(DAY, 1)
    world.log().parent.rename(world.log().parent.with_name(f"day={later}"))
    rows = world.rows(later)
    world.write(changed(rows, "time_ms", pa.array(rows["time_ms"].to_numpy() + 86_400_000)), later)
    refused = world.run("--day", later)
    assert refused.code == ExitCode.REFUSED and f"{DAY} is missing within the 2 days before {later}" in refused.sentence
    answer = world.run("--day", later, "--set", "window.missing=skip")
    assert answer.code == 0, answer.text
    assert f"trained without {DAY}: neither logs nor examples" in capfd.readouterr().out
    told = record(world, later)
    assert told["skipped"] == {DAY: "neither logs nor examples"} and told["window"]["skipped"] == [DAY]
    assert told["window"]["splits"] == {"train": [SECOND], "eval": [later]}
    page = (world.folder / "w" / "reports" / f"day={later}" / "report.html").read_text()
    assert f"Trained without {DAY}" in page


def test_another_data_sets_configuration_is_refused(world):
    declaration = world.folder / "small.yaml"
    declaration.write_text(declaration.read_text().replace("name: small", "name: other"))
    answer = world.run("--day", DAY)
    assert answer.code == ExitCode.REFUSED
    assert "holds days of the data set 'small', and the configuration declares 'other'" in answer.sentence


def test_predict_reads_the_declaration_that_the_version_was_made_with(world, tmp_path):
    from click.testing import CliRunner

    from scenerank.pipeline.cli.main import main

    shutil.move(world.folder / "small.yaml", tmp_path / "elsewhere.yaml")
    asked = tmp_path / "asked.jsonl"
    asked.write_text(
        '{"request_id": "r", "scenario_id": "s", "user_id": "u", "item_id": "i", "price": 1, "hour": 3, '
        '"age_band": "a"}\n'
    )
    done = CliRunner().invoke(main, ["predict", "-w", world.workspace.root, "--input", str(asked), "--output",
                                     str(tmp_path / "scored.jsonl")])  # fmt: skip
    assert done.exit_code == 0, done.output
