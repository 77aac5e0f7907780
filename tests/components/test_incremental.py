"""Training day after day, run as TFX runs it."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf

from scenerank.components.scoring import Scorer, read_serialized
from scenerank.components.trainer.checkpoint.optimizer_state import MOMENTS, STEPS, optimizer_state
from scenerank.components.trainer.checkpoint.starting import carry_optimizer, carry_over
from scenerank.components.trainer.checkpoint.weights import Weights
from scenerank.components.trainer.loop.building import compile_training
from scenerank.components.trainer.run import run_fn
from scenerank.components.trainer.settings import IncrementalSettings
from scenerank.models.base import table_of, weight_values
from scenerank.pipeline.sources.simulator.oracle import auc
from scenerank.schemas import FAIRNESS
from tests.components import tiny
from tests.components.test_warm_start import model_of, rows_of

DAYS = ("2024-03-01", "2024-03-02", "2024-03-03", "2024-03-04")
ROWS = 500
ON = {"mode": "incremental", "epochs_without_validation": 6, "incremental": {"rate": 0.5}}


@pytest.fixture(scope="module")
def days(tmp_path_factory) -> pathlib.Path:
    """Four days; windows of the runs of 03 (two days before it), 04 (three) and 05 (four), none of them held out."""
    folder = tmp_path_factory.mktemp("days")
    for number, day in enumerate(DAYS):
        rows = tiny.table(ROWS, scenarios=3 + number, seed=number)  # a new scenario each day
        tiny.write(folder / "examples", tiny.serialize(rows), prefix=f"{day}-")
    for count in (2, 3, 4):
        window(folder / f"after-{count}", DAYS[:count], f"2024-03-0{count + 1}", folder)
    run_fn(tiny.arguments(folder / "after-2", "run", **ON))
    return folder


def window(target: pathlib.Path, of: tuple[str, ...], day: str, folder: pathlib.Path) -> None:
    (target / "Split-train").mkdir(parents=True)
    for one in of:
        for file in (folder / "examples").glob(f"{one}-*"):
            shutil.copy(file, target / "Split-train" / file.name)
    tiny.analyse(str(target / "Split-train/*"), target / "transform")
    (target / "window.json").write_text(json.dumps({"day": day, "splits": {"train": list(of), "eval": [day]}}))


def history(folder: pathlib.Path, run: str) -> dict:
    return json.loads((folder / run / "model_run/weights/history.json").read_text())


def content(folder: pathlib.Path, run: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / run / "model_run/weights").iterdir()}


@pytest.fixture(scope="module")
def gone_on(days) -> pathlib.Path:
    """Folder of the run of 04, which went on with 03 from the model of the days before it."""
    folder = days / "after-3"
    run_fn(tiny.arguments(folder, "on", tiny.base(days / "after-2"), **ON))
    return folder


@pytest.mark.slow
def test_it_goes_on_with_the_days_it_has_not_learned_from(days, gone_on):
    folder, found = gone_on, history(gone_on, "on")
    assert found["lineage"] == {
        "day": "2024-03-04", "mode": "incremental", "reason": "", "base": 2024030201, "full_day": "2024-03-03",
        "days": ["2024-03-03"], "learned": list(DAYS[:3]),
    }  # fmt: skip
    assert found["rows"] == {"train": ROWS, "validation": 0} and found["examples"] == ROWS  # every row once
    assert found["warm_start"]["cold"] == {} and found["best_epoch"] is None
    (day,) = found["epochs"]
    # about as the model in service, with its own vocabularies and means and without weights of rows, would have scored
    score = Scorer(tiny.base(days / "after-2"))
    files = [str(path) for path in sorted((days / "examples").glob(f"{DAYS[2]}-*"))]
    scores = np.concatenate([score(batch) for file in files for batch in read_serialized(file, 1000)])
    labels = np.concatenate([tiny.table(ROWS, scenarios=5, seed=2)["clicked"].to_numpy()[part::2] for part in (0, 1)])
    assert day["val_auc"] == pytest.approx(auc(labels, scores), abs=0.06)
    old, new = (Weights.read(str(place / "model_run/weights")) for place in (days / "after-2/run", folder / "on"))
    assert new.optimizer[STEPS] == old.optimizer[STEPS] + found["steps_per_epoch"]
    assert new.optimizer.keys() == old.optimizer.keys() and new.vocabularies != old.vocabularies
    before = content(folder, "on")
    run_fn(tiny.arguments(folder, "on", tiny.base(days / "after-2"), **ON))
    assert content(folder, "on") == before  # the same day again: the same bytes


@pytest.mark.slow
def test_days_that_were_not_pushed_are_learned_in_time_order(days, gone_on):
    """Nothing was pushed on 04, or what was pushed was rolled back: 05 starts from 03's model and has two days."""
    folder = days / "after-4"
    run_fn(tiny.arguments(folder, "two", tiny.base(days / "after-2"), **ON))
    found = history(folder, "two")
    assert found["lineage"]["days"] == list(DAYS[2:]) and found["lineage"]["learned"] == list(DAYS)
    assert [epoch["examples"] for epoch in found["epochs"]] == [ROWS, 2 * ROWS]
    # it met the first of the days just as it would have met it alone, but for today's vocabularies and means
    assert found["epochs"][0]["val_auc"] == pytest.approx(history(gone_on, "on")["epochs"][0]["val_auc"], abs=0.02)


@pytest.mark.slow
def test_rows_on_disk_are_learned_as_those_in_memory(days, gone_on):
    folder, memory = gone_on, history(gone_on, "on")
    run_fn(tiny.arguments(folder, "disk", tiny.base(days / "after-2"), **ON, memory_mb=0))
    found = history(folder, "disk")
    assert found["examples"] == memory["examples"] == ROWS
    assert found["epochs"][0]["val_auc"] == pytest.approx(memory["epochs"][0]["val_auc"], abs=0.01)


@pytest.mark.slow
def test_weights_of_an_older_workspace_are_a_reason_to_start_over(days, tmp_path):
    shutil.copytree(days / "after-2/run", tmp_path / "run")
    base = tiny.base(tmp_path)
    for name in ("lineage.json", "optimizer.npz"):
        (tmp_path / "run/model/Format-Training" / name).unlink()
    folder = days / "after-3"
    run_fn(tiny.arguments(folder, "older", base, **ON, epochs=1))
    found = history(folder, "older")
    assert found["lineage"]["reason"] == "the model in service was kept without its optimizer's state"
    assert found["lineage"]["base"] is None and found["warm_start"] is None
    assert found["lineage"]["learned"] == list(DAYS[:3])


CHILD = """
import sys, pathlib
from tests.components import tiny
from scenerank.components.trainer.run import run_fn
run_fn(tiny.arguments(pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3], mode="incremental", checkpoint_steps=3,
                      batch_size=4, incremental={"rate": 0.5}))
"""


@pytest.mark.slow
def test_killed_and_run_again_it_goes_on_and_ends_the_same(days):
    """kill -9 within the second day; the rerun starts there and reaches what a run left alone does."""
    folder, base = days / "after-4", tiny.base(days / "after-2")

    def start(run: str) -> subprocess.Popen:
        command = [sys.executable, "-c", CHILD, str(folder), run, base]
        return subprocess.Popen(command, cwd=pathlib.Path(__file__).parents[2], env=os.environ)

    assert start("whole").wait(600) == 0
    cut = start("cut")
    kept = folder / "checkpoint"
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and cut.poll() is None and not list(kept.glob("*/*/backup-1/chief/checkpoint")):
        time.sleep(0.005)
    cut.send_signal(signal.SIGKILL)
    cut.wait()
    assert not (folder / "cut/model").exists() and list(kept.glob("*/*/backup-1/chief/checkpoint"))
    assert start("resumed").wait(600) == 0
    log = [json.loads(line) for line in (folder / "resumed/model_run/progress.jsonl").read_text().splitlines()]
    assert [event["epoch"] for event in log if "epoch" in event] == [2]
    whole, resumed = (Weights.read(str(folder / run / "model_run/weights")) for run in ("whole", "resumed"))
    for name, value in {**whole.arrays, **whole.optimizer}.items():
        np.testing.assert_allclose({**resumed.arrays, **resumed.optimizer}[name], value, atol=1e-6, err_msg=name)
    epochs = [history(folder, run)["epochs"] for run in ("whole", "resumed")]
    for one, other in zip(*epochs, strict=True):  # but for loss and AUC while learning, which are of what was left
        for name in ("val_auc", "val_loss", "examples"):
            assert one[name] == pytest.approx(other[name], abs=1e-6)


# the optimizer's state


def stepped(training, words: dict[str, list[str]], features, raw: dict[str, list[str]], steps: int) -> None:
    for number in range(steps):
        labels = tf.constant([float((row + number) % 2) for row in range(len(raw["brand"]))])
        batch = {**rows_of(features, raw, words), FAIRNESS: tf.ones_like(labels)}
        training.train_step((batch, labels, tf.ones_like(labels)))


def test_a_step_after_moving_is_the_step_that_would_have_been():
    """Vocabularies grow and change their order between two steps: the steps do what they would have done without."""
    before = {"scenario": ["s0", "s1", "s2"], "level": ["0", "1"], "brand": ["b0", "b1", "b2"]}
    now = {"scenario": ["s9", "s2", "s0", "s1"], "level": ["2", "1", "0"], "brand": ["b2", "b7", "b1", "b0"]}
    raw = {"scenario": ["s0", "s1", "s2", "s1"], "level": ["0", "1", "1", "0"], "brand": ["b0", "b1", "b2", "b0"]}
    features, stays = model_of(before)
    compile_training(stays, 10, IncrementalSettings(rate=1))
    stepped(stays, before, features, raw, 3)
    old = Weights(weight_values(stays), features, before, optimizer_state(stays))
    grown, moves = model_of(now)
    compile_training(moves, 10, IncrementalSettings(rate=1))
    assert not carry_over(moves, old, now, "initial").cold
    carry_optimizer(moves, old, now)
    state = optimizer_state(moves)
    assert state[STEPS] == 3
    table = next(name for name, of in table_of(moves).items() if of == "brand")
    for kind in MOMENTS:  # brand b7 is new, and b2 has become the first
        assert not state[f"{kind}/{table}"][2].any()
        np.testing.assert_array_equal(state[f"{kind}/{table}"][1], old.optimizer[f"{kind}/{table}"][3])
    stepped(stays, before, features, raw, 3)
    stepped(moves, now, grown, raw, 3)
    assert np.abs(weight_values(stays)[table] - old.arrays[table]).max() > 1e-3
    np.testing.assert_allclose(
        moves.serving(rows_of(grown, raw, now)), stays.serving(rows_of(features, raw, before)), rtol=1e-4, atol=1e-5
    )
