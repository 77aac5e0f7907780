"""`scenerank explain`: rows beside their raw columns, hidden purposes, the page, the process."""

from __future__ import annotations

import io
import json
import sys
from xml.etree import ElementTree

import numpy as np
import pytest
from click.testing import CliRunner
from rich.console import Console

from scenerank.errors import ExitCode, WorkspaceError
from scenerank.pipeline.cli.main import main
from scenerank.pipeline.compare.commands import Bench
from scenerank.pipeline.compare.data import write
from scenerank.pipeline.compare.runner import run_process
from scenerank.pipeline.compare.settings import Trial
from scenerank.pipeline.drawing.page import Missing
from scenerank.pipeline.explain import command as explaining
from scenerank.pipeline.explain import picture
from scenerank.pipeline.explain import process as explain
from scenerank.pipeline.explain.command import EXPLAINED, hidden_purpose_ari
from scenerank.pipeline.explain.learned_scenarios import agreement, purposes, rand_index
from scenerank.pipeline.explain.pictures_maria import refiner_picture
from scenerank.pipeline.explain.pictures_musenet import learned_scenario_picture
from scenerank.pipeline.explain.pictures_sar_net import exposure_picture
from scenerank.pipeline.sources.simulator.trips import PURPOSES
from tests.pipeline import explained
from tests.pipeline.explained import DAY, ROWS, SMALL


def test_rows_are_chosen_by_scenario(subject):
    made = subject("hierrec")
    rows = made.sample(10)
    assert set(np.bincount(explained.prepared().test.scenarios[rows])[1:]) == {10} and (np.diff(rows) > 0).all()
    assert (made.sample(10, np.arange(ROWS) < 50) < 50).all()
    sizes = [len(rows) for _, _, rows in made.largest(2)]
    assert len(sizes) == 2 and sizes[0] >= sizes[1]
    assert made.named(np.array([[0, 2], [1, 99]])).tolist() == [["unknown", "page 2"], ["page 1", "unknown"]]


def test_raw_columns_stand_beside_the_prepared_rows(subject, tmp_path):
    found = subject("hierrec").raw(["price", "category"])
    assert found["category"].tolist() == explained.raw()["category"].tolist()
    np.testing.assert_array_equal(found["price"], explained.raw()["price"])
    with pytest.raises(Missing, match="gone"):
        subject("hierrec", str(tmp_path / "absent")).raw(["price"])
    with pytest.raises(Missing, match="no longer published"):
        subject("hierrec", str(tmp_path)).raw(["price"])


def test_learned_scenarios_beside_the_hidden_purposes(subject, tmp_path):
    made = subject("musenet")
    purpose = purposes(made)
    assert purpose.tolist() == explained.raw()["purpose"].tolist()
    shares = made.compute(lambda features: made.model.assignments(features).shares)
    learned = shares.argmax(1)
    assert agreement(made, np.array(["x", "y", "z"])[learned]) == 1
    assert abs(agreement(made, purpose)) < 0.2
    mixed = np.where(np.arange(ROWS) < 100, learned, 7)
    assert rand_index(shares, mixed, np.arange(ROWS) < 100) == 1 > rand_index(shares, mixed)
    found = learned_scenario_picture(made).numbers["hidden_purpose"]
    assert found["adjusted_rand"] == pytest.approx(agreement(made, purpose))
    with pytest.raises(Missing, match="No truth"):
        purposes(subject("musenet", str(tmp_path)))


def test_a_page_stands_alone(subject, tmp_path):
    made = subject("maria", str(tmp_path / "absent"))
    failing = picture.attempt("absent", "Absent", lambda: exposure_picture(made))
    broken = picture.attempt("broken", "Broken", lambda: 1 / 0)
    out = tmp_path / "page"
    picture.write([refiner_picture(made), failing, broken], str(out), "A <model>", [("Seed", "0")])
    text = (out / "index.html").read_text()
    assert "A &lt;model&gt;" in text and "is gone" in text and "division by zero" in text
    assert text.count("<svg") == 2 and "http" not in text.replace("http://www.w3.org", "")
    for name in ("refiners.svg", "refiners-2.svg"):
        assert ElementTree.parse(out / name).getroot().tag == "{http://www.w3.org/2000/svg}svg"
    assert json.loads((out / "refiners.json").read_text())["field"][0] == "behaviors"
    assert "gone" in json.loads((out / "absent.json").read_text())["missing"]
    assert picture.plain({"a": np.array([1.0, np.nan]), 2: np.float32(0.5)}) == {"a": [1.0, None], "2": 0.5}


def test_a_process_trains_and_draws(workspace, tmp_path, monkeypatch, capsys):
    write(explained.prepared(), str(tmp_path))
    trial = {
        "data": "simulator", "protocol": "multi", "model": "hierrec", "settings": SMALL["hierrec"], "seed": 3,
        "trainer": {"epochs": 1, "batch_size": 64, "tensorboard": False},
    }  # fmt: skip
    job = {"trial": trial, "declaration": "simulator", "workspace": workspace, "day": DAY, "out": str(tmp_path / "out")}
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(job)))
    explain.main(str(tmp_path))
    lines = [line.partition(" ") for line in capsys.readouterr().out.splitlines()]
    result = next(json.loads(text) for kind, _, text in lines if kind == "RESULT")
    assert 0 < result["auc"] < 1 and np.shape(result["numbers"]["feature_weights"]["weights"])[:2] == (3, 2)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "index.html", "feature_weights.json", "feature_weights.svg",
    }  # fmt: skip


def test_only_models_with_pictures_are_explained(monkeypatch, tmp_path):
    assert set(EXPLAINED) == set(explain.PICTURES)
    monkeypatch.setattr(Bench, "open", lambda *_: None)
    answer = CliRunner().invoke(main, ["explain", "mmoe", "--data", "simulator", "--out", str(tmp_path)])
    assert answer.exit_code == ExitCode.USAGE and "sar_net, maria, musenet, hierrec" in answer.output


def test_the_hidden_purpose_is_sought_without_the_scenario(monkeypatch, tmp_path):
    class Asked:
        data, out = "simulator", str(tmp_path)

        def trial(self, model: str, seed: int) -> Trial:
            return Trial(self.data, "multi", model, {"embedding": {"dim": 4}}, {}, seed)

    seen = []

    def explained(bench, trial, out):
        seen.append(trial)
        return {"numbers": {"scenarios": {"hidden_purpose": {"adjusted_rand": 0.5}}}}

    monkeypatch.setattr(explaining, "explained", explained)
    assert hidden_purpose_ari(Asked(), 2) == {"adjusted_rand": 0.5}
    told = {"given_scenario": False, "prototypes": len(PURPOSES)}
    assert seen[0].settings == {"embedding": {"dim": 4}, **told} and seen[0].seed == 2
    monkeypatch.setattr(explaining, "explained", lambda *_: {"numbers": {"scenarios": {"missing": "no truth here"}}})
    with pytest.raises(WorkspaceError, match="no truth here"):
        hidden_purpose_ari(Asked())


@pytest.mark.parametrize("module", ["explain.process", "compare.trial"])
def test_processes_run_modules_that_are_there(module, tmp_path):
    """Without a job on its standard input each ends at once, complaining of that alone."""
    told = []
    error = run_process(
        "nothing", module, "no job", str(tmp_path), str(tmp_path / "log"), Console(quiet=True), told.append
    )
    assert "ended with 1" in error and not told
    assert "No module named" not in (tmp_path / "log").read_text()
