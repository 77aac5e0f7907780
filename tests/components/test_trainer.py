"""The Trainer, run as TFX runs it."""

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
import pyarrow as pa
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from scenerank.components.storage import expand
from scenerank.components.trainer.input.batches import even_batches
from scenerank.components.trainer.input.in_memory import load
from scenerank.components.trainer.input.streamed import StreamedSplit
from scenerank.components.trainer.loop.progress import watched_by
from scenerank.components.trainer.run import run_fn
from scenerank.components.transform.example_reader import ExampleReader
from scenerank.errors import DataError
from scenerank.schemas import FAIRNESS
from tests.components import tiny


@pytest.fixture(scope="module")
def folder() -> pathlib.Path:
    return tiny.trained()


@pytest.fixture(scope="module")
def reader(folder) -> ExampleReader:
    return ExampleReader.of(tiny.DECLARATION, str(folder / "transform"))


@pytest.fixture(scope="module")
def files(folder) -> list[str]:
    return expand([str(folder / "Split-train/*")])


def history(folder: pathlib.Path, run: str) -> dict:
    return json.loads((folder / run / "model_run/weights/history.json").read_text())


def events(folder: pathlib.Path, run: str) -> list[dict]:
    return [json.loads(line) for line in (folder / run / "model_run/progress.jsonl").read_text().splitlines()]


def weights(folder: pathlib.Path, run: str) -> dict[str, np.ndarray]:
    with np.load(folder / run / "model_run/weights/weights.npz") as arrays:
        return dict(arrays)


def copied(folder: pathlib.Path, target: pathlib.Path, *parts: str) -> pathlib.Path:
    """A folder of its own with some parts of `folder`."""
    for part in parts:
        shutil.copytree(folder / part, target / part)
    return target


def same(first: tuple, second: tuple) -> None:
    assert first[0].keys() == second[0].keys()
    for one, other in zip(tf.nest.flatten(first), tf.nest.flatten(second)):
        assert one.dtype == other.dtype
        # a logarithm may differ in its last bit with the row's place in the batch
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_learns_and_leaves_what_the_next_needs(folder):
    found = history(folder, "run")
    assert found["rows"] == {"train": 1400, "validation": 300}
    assert found["epochs"][-1]["auc"] > 0.6 and found["best_epoch"] is not None
    assert found["parameters"]["training"] > found["parameters"]["serving"]
    assert [e["phase"] for e in events(folder, "run") if "epoch" not in e] == [
        "reading", "building", "training", "refitting", "exporting"
    ]  # fmt: skip
    assert list((folder / "run/model_run/tensorboard/train").iterdir())
    assert not (folder / "checkpoint" / f"day={tiny.DAY}").exists()


def test_rows_in_memory_are_the_rows_on_disk(reader, files):
    store, disk = load(reader, files), StreamedSplit.of(reader, files, 100)
    assert (store.rows, store.clicks) == (disk.rows, disk.clicks)
    for one, other in zip(store.evaluation(5), disk.evaluation(5), strict=True):
        same(one, other)


def test_memory_is_bounded(reader, files):
    assert load(reader, files, limit_bytes=1000) is None


@pytest.mark.parametrize("kind", ["memory", "disk"])
def test_an_epoch_shows_every_row_once_and_resumes_anywhere(reader, files, kind):
    split = load(reader, files) if kind == "memory" else StreamedSplit.of(reader, files, 500)
    steps = split.steps(300)
    whole = list(split.training(steps, seed=3).take(3 * steps))
    marks = [np.concatenate([element[0][FAIRNESS] for element in whole[i * steps :][:steps]]) for i in range(3)]
    expected = np.sort(np.concatenate([element[0][FAIRNESS] for element in split.evaluation(7)]))
    for mark in marks:
        np.testing.assert_array_equal(np.sort(mark), expected)
    assert not np.array_equal(marks[0], marks[1])
    for one, other in zip(split.training(steps, seed=3, epoch=1, step=2).take(3), whole[steps + 2 :]):
        same(one, other)


def test_no_batch_is_a_leftover(reader, files):
    store = load(reader, files)
    sizes = [len(element[1]) for element in store.training(2, seed=0).take(2)]
    assert sizes == [700, 700]


@given(st.integers(1, 2000), st.integers(1, 40))
def test_batches_of_an_epoch_differ_by_one_row_at_most_and_have_one_signature(rows, steps):
    batches = even_batches(tf.data.Dataset.from_tensors(tf.range(rows)), rows, min(rows, steps))
    found = list(batches.as_numpy_iterator())
    sizes = [len(batch) for batch in found]
    assert len(sizes) == min(rows, steps) and min(sizes) >= 1 and max(sizes) - min(sizes) <= 1
    np.testing.assert_array_equal(np.concatenate(found), np.arange(rows))
    assert batches.element_spec.shape == [None]


def test_histories_of_different_lengths_are_refused(reader, tmp_path):
    example = tf.train.Example.FromString(tiny.serialize(tiny.table(1))[0])
    example.features.feature["history_type"].bytes_list.value.extend([b"buy"])
    example.features.feature["history_item"].ClearField("kind")
    tiny.write(tmp_path, [example.SerializeToString()], files=1)
    with pytest.raises(DataError, match="broken examples"):
        load(reader, expand([str(tmp_path / "*")]))


def test_a_truncated_file_is_refused(reader, tmp_path):
    tiny.write(tmp_path, tiny.serialize(tiny.table(300)), files=1)
    whole = (tmp_path / "data-0.gz").read_bytes()
    (tmp_path / "data-0.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="broken examples"):
        load(reader, expand([str(tmp_path / "*")]))


@pytest.mark.slow
def test_same_data_and_seed_give_the_same_bytes(folder):
    run_fn(tiny.arguments(folder, "again"))
    for name in os.listdir(folder / "run/model_run/weights"):
        first, second = (folder / run / "model_run/weights" / name for run in ("run", "again"))
        assert first.read_bytes() == second.read_bytes(), name


@pytest.mark.slow
def test_without_a_validation_day_it_trains_a_fixed_number_of_epochs(folder, tmp_path):
    shown = []
    with watched_by(shown.append):
        run_fn(tiny.arguments(copied(folder, tmp_path, "Split-train", "transform"), epochs_without_validation=2))
    found = history(tmp_path, "run")
    assert len(found["epochs"]) == 2 and found["best_epoch"] is None and found["rows"]["validation"] == 0
    assert any(event.get("step") == 11 for event in shown)


@pytest.mark.slow
def test_new_scenarios_and_a_warm_start(folder, tmp_path):
    """The next day has two more scenarios; the served model's weights are where it starts."""
    grown = tiny.table(1200, scenarios=5, seed=1)
    tiny.transform(tmp_path, grown.slice(0, 900))
    tiny.split(tmp_path, "validation", grown.slice(900))
    run_fn(tiny.arguments(tmp_path, "cold", epochs=1, refit_validation=False))
    run_fn(tiny.arguments(tmp_path, "warm", tiny.base(folder), epochs=1, refit_validation=False, warm_start=True))
    started = history(tmp_path, "warm")["warm_start"]
    assert started["moved"] and not started["cold"] and not started["dropped"]
    assert history(tmp_path, "cold")["warm_start"] is None
    assert history(tmp_path, "warm")["epochs"][0]["auc"] > history(tmp_path, "cold")["epochs"][0]["auc"] + 0.02


@pytest.mark.slow
def test_what_does_not_fit_into_memory_is_read_again(folder):
    run_fn(tiny.arguments(folder, "disk", memory_mb=0, shuffle_buffer=500))
    assert history(folder, "disk")["epochs"][-1]["auc"] > 0.6


@pytest.mark.parametrize("label", [0, 1])
def test_labels_of_one_kind_are_refused(folder, tmp_path, label):
    rows = tiny.table(50)
    index = rows.schema.get_field_index("clicked")
    same_label = pa.Table.from_batches([rows]).set_column(index, "clicked", pa.array([label] * 50)).to_batches()[0]
    tiny.split(tmp_path, "train", same_label)
    copied(folder, tmp_path, "transform")
    with pytest.raises(DataError, match=f"column 'clicked' is {label} in all 50 training rows"):
        run_fn(tiny.arguments(tmp_path))


def test_no_rows_are_refused(folder, tmp_path):
    tiny.write(tmp_path / "Split-train", [])
    copied(folder, tmp_path, "transform")
    with pytest.raises(DataError, match="no rows"):
        run_fn(tiny.arguments(tmp_path))


CHILD = """
import sys, pathlib
from tests.components import tiny
from scenerank.components.trainer.run import run_fn
run_fn(tiny.arguments(pathlib.Path(sys.argv[1]), sys.argv[2], epochs=8, patience=8, checkpoint_steps=4))
"""


@pytest.mark.slow
def test_killed_and_run_again_it_goes_on_and_ends_the_same(folder, tmp_path):
    """kill -9 in the middle of an epoch; the rerun starts there and reaches the weights of a run left alone."""
    copied(folder, tmp_path, "Split-train", "Split-validation", "transform")

    def start(run: str) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, "-c", CHILD, str(tmp_path), run], cwd=pathlib.Path(__file__).parents[2]
        )

    whole = start("whole")
    assert whole.wait(300) == 0
    cut = start("cut")
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and cut.poll() is None:
        log = tmp_path / "cut/model_run/progress.jsonl"
        if log.exists() and any(e.get("epoch") == 3 for e in events(tmp_path, "cut")):
            break
        time.sleep(0.005)
    cut.send_signal(signal.SIGKILL)
    cut.wait()
    assert not (tmp_path / "cut/model").exists()
    resumed = start("resumed")
    assert resumed.wait(300) == 0
    first = next(e["epoch"] for e in events(tmp_path, "resumed") if "epoch" in e)
    assert first >= 3
    whole_epochs, resumed_epochs = history(tmp_path, "whole")["epochs"], history(tmp_path, "resumed")["epochs"]
    assert [e["val_auc"] for e in resumed_epochs] == pytest.approx([e["val_auc"] for e in whole_epochs], abs=1e-6)
    expected = weights(tmp_path, "whole")
    for name, value in weights(tmp_path, "resumed").items():
        np.testing.assert_allclose(value, expected[name], atol=1e-6, err_msg=name)
