"""Training with several devices and processes, as real processes of this machine."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

import attrs
import numpy as np
import pytest
import tensorflow as tf

from scenerank.components.scoring import Scorer, read_serialized
from scenerank.components.storage import expand
from scenerank.components.trainer.cluster import launch
from scenerank.components.trainer.cluster.memory import check_servers, per_server, planned
from scenerank.components.trainer.input.chunks import prepare_chunks, read_chunk, totals, wait_for_chunks
from scenerank.components.trainer.input.sharding import InputShard
from scenerank.components.trainer.job import FILE, Job
from scenerank.components.trainer.loop.strategies import partitioner
from scenerank.components.trainer.run import run_fn
from scenerank.components.trainer.settings import TrainerSettings
from scenerank.components.transform.example_reader import ExampleReader
from scenerank.errors import CapacityError, DataError
from scenerank.models.registry import MODELS, settings_class
from scenerank.models.training import training_model
from tests.components import tiny
from tests.components.train_with import tasks, train
from tests.models.conftest import small_features

ROWS = {"train": 2400, "validation": 300}
CLUSTER = {"workers": 2, "servers": 2, "min_shard_mb": 0.0009}  # the items' table is cut in two, no other


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> pathlib.Path:
    found = tmp_path_factory.mktemp("strategies")
    rows = tiny.table(3000)
    tiny.write(found / "Split-train", tiny.serialize(rows.slice(0, 2400)), files=5)
    tiny.analyse(str(found / "Split-train/*"), found / "transform")
    tiny.split(found, "validation", rows.slice(2400, 300))
    tiny.split(found, "eval", rows.slice(2700))
    return found


def arguments(folder: pathlib.Path, run: str, **settings) -> dict:
    settings = {"cluster": CLUSTER, "epochs": 2, "patience": 9, "tensorboard": False, **settings}
    told = tiny.arguments(folder, run, **settings)
    told.custom_config["checkpoint"] = str(folder / run / "checkpoint")
    return {field.name: getattr(told, field.name) for field in attrs.fields(type(told))}


def job(folder: pathlib.Path, target: pathlib.Path, **settings) -> Job:
    told = arguments(folder, "aside", **settings)
    return Job(
        declaration=told["custom_config"]["declaration"],
        settings=told["custom_config"]["settings"],
        train_files=tuple(expand(told["train_files"])),
        validation_files=tuple(expand([str(folder / "Split-validation/*")])),
        transform_output=told["transform_output"],
        base=None,
        folder=str(target),
        run=str(target / "run"),
    )


def scores(folder: pathlib.Path, run: str) -> np.ndarray:
    """Of the exported model on split `eval`."""
    score = Scorer(str(folder / run / "model/Format-Serving"))
    files = expand([str(folder / "Split-eval/*")])
    return np.concatenate([score(batch) for file in files for batch in read_serialized(file, 1000)])


def weights(folder: pathlib.Path, run: str) -> dict[str, np.ndarray]:
    with np.load(folder / run / "model_run/weights/weights.npz") as arrays:
        return dict(arrays)


# which rows a process reads


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_every_file_is_one_process_s(tmp_path, count):
    sizes = [5000, 10, 3000, 700, 700, 20, 4000]
    for number, size in enumerate(sizes):
        (tmp_path / f"{number}.gz").write_bytes(b"x" * size)
    files = sorted(str(path) for path in tmp_path.iterdir())
    shares = [InputShard(index, count).of(files) for index in range(count)]
    assert sorted(file for share in shares for file in share) == files
    assert [InputShard(index, count).of(files) for index in range(count)] == shares
    if count == 2:
        loads = [sum(os.path.getsize(file) for file in share) for share in shares]
        assert max(loads) - min(loads) <= 1500


def test_units_hold_every_row_once(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("scenerank.components.trainer.input.chunks.CHUNK_ROWS", 100)
    told = job(folder, tmp_path)
    for index in range(2):
        prepare_chunks(told, InputShard(index, 2))
    chunks = wait_for_chunks(told, 2)
    assert totals(chunks.train).rows == ROWS["train"] and totals(chunks.validation).rows == ROWS["validation"]
    assert 90 < max(chunk.rows for chunk in chunks.train) <= 100
    reader = ExampleReader.of(tiny.DECLARATION, str(folder / "transform"))
    read = [read_chunk(tf.constant(chunk.path), reader.features) for chunk in chunks.train]
    mass = np.concatenate([store.batch(tf.range(store.rows, dtype=tf.int64))[0]["mass"] for store in read])
    parsed = [reader.element(tf.constant(list(batch)))[0]["mass"] for file in told.train_files
              for batch in read_serialized(file, 1000)]  # fmt: skip
    np.testing.assert_array_equal(np.sort(mass), np.sort(np.concatenate(parsed)))


# what is known before anything is allocated


@pytest.mark.parametrize("name", MODELS)
def test_planned_weights_are_the_models_weights(name):
    settings = TrainerSettings(model=name, model_settings={"embedding": {"dim": 4}})
    built = training_model(MODELS[name](small_features(), settings.model_settings))
    assert sorted((w.shape, w.bytes) for w in planned(settings, small_features())) == sorted(
        (tuple(w.shape), w.shape.num_elements() * w.dtype.size) for w in built.weights
    )


def test_a_server_that_would_be_too_full_is_refused():
    settings = TrainerSettings(cluster={"servers": 4, "min_shard_mb": 1, "server_memory_mb": 11_000})
    features = tiny_features(rows=100_000_000)
    (largest, *_) = planned(settings, features)
    assert largest.shape == (100_000_000, 16) and largest.bytes == 6_400_000_000 and largest.parts == 4
    assert per_server(planned(settings, features), 4) == pytest.approx(3 * 6.4e9 / 4, rel=0.001)
    check_servers(settings.model_copy(update={"cluster": settings.cluster.model_copy(update={"servers": 8})}), features)
    with pytest.raises(CapacityError, match=r"would need up to 10,300 MiB.*use more than 4.*table_user"):
        tight = settings.cluster.model_copy(update={"server_memory_mb": 10_000})
        check_servers(settings.model_copy(update={"cluster": tight}), features)
    smaller = {"embedding": {"compositional": {"user": 20_000}}}
    check_servers(
        settings.model_copy(
            update={"model_settings": smaller, "cluster": settings.cluster.model_copy(update={"server_memory_mb": 15})}
        ),
        features,
    )


def tiny_features(rows: int):
    """Small features but for the users' table."""
    import dataclasses

    features = small_features()
    return dataclasses.replace(
        features,
        features=tuple(dataclasses.replace(f, size=rows) if f.table == "user" else f for f in features.features),
    )


def test_only_embedding_tables_are_cut():
    embedding = settings_class("sar_net").model_validate({"embedding": {"compositional": {"user": 7}}}).embedding
    parts = partitioner(small_features(), embedding, 3, 64)
    assert parts((20, 16), tf.float32) == [3, 1]  # items
    assert parts((7, 16), tf.float32) == [3, 1]  # remainders of users
    assert parts((30, 16), tf.float32) == [1, 1]  # users themselves: there is no such table
    assert parts((5, 5, 64), tf.float32) == [1, 1, 1] and parts((20,), tf.float32) == [1]
    assert partitioner(small_features(), embedding, 3, 1 << 20)((20, 16), tf.float32) == [1, 1]


# training


@pytest.fixture(scope="module")
def one_device(folder) -> dict:
    return train(folder / "one_device", arguments(folder, "one_device"))


@pytest.mark.slow
def test_two_devices_learn_what_one_does(folder, one_device):
    history = train(folder / "mirrored", arguments(folder, "mirrored", strategy="mirrored"))
    assert history["examples"] == one_device["examples"] == 2 * ROWS["train"] + ROWS["validation"]
    np.testing.assert_allclose(scores(folder, "mirrored"), scores(folder, "one_device"), atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["multi_worker", "parameter_server"])
def test_processes_learn_from_every_row_once(folder, one_device, strategy):
    history = train(folder / strategy, arguments(folder, strategy, strategy=strategy))
    assert history["rows"] == ROWS and history["examples"] == one_device["examples"]
    assert [epoch["examples"] for epoch in history["epochs"]] == [2400, 4800]
    assert history["epochs"][-1]["val_auc"] == pytest.approx(one_device["epochs"][-1]["val_auc"], abs=0.12)  # 300 rows
    assert weights(folder, strategy).keys() == weights(folder, "one_device").keys()
    assert np.std(scores(folder, strategy)) > 0.01


@pytest.mark.slow
@pytest.mark.parametrize(
    ("strategy", "killed"), [("multi_worker", "worker"), ("parameter_server", "worker"), ("parameter_server", "ps")]
)
def test_a_process_that_dies_costs_time_alone(folder, strategy, killed):
    run = f"{strategy}-without-{killed}"
    # epochs long enough for the kill to fall into one
    rows = 32 if strategy == "multi_worker" else 8
    settings = {"strategy": strategy, "epochs": 4, "batch_size": rows, "refit_validation": False}
    history = train(folder / run, arguments(folder, run, **settings), kill=killed)
    seen = history["examples"] - 4 * ROWS["train"]
    most = {"worker": 1500, "ps": ROWS["train"]}[killed]  # what a worker has of the rows; an epoch between checkpoints
    assert 0 <= seen <= (0 if strategy == "multi_worker" else most)
    assert len(history["epochs"]) == 4 and np.isfinite(scores(folder, run)).all()


@pytest.mark.slow
def test_what_was_learned_apart_is_learned_on(folder):
    """A table that was spread over servers is a whole one for the next day's warm start, and the other way round."""
    train(folder / "spread", arguments(folder, "spread", strategy="parameter_server", epochs=1))
    for strategy in ("one_device", "parameter_server"):
        run = f"{strategy}-after"
        told = arguments(folder, run, strategy=strategy, epochs=1, warm_start=True)
        told["base_model"] = tiny.base(folder, "spread")
        history = train(folder / run, told)
        assert not history["warm_start"]["cold"] and not history["warm_start"]["dropped"]
        assert history["warm_start"]["warm"] + history["warm_start"]["moved"] == len(weights(folder, run))


@pytest.fixture(scope="module")
def two_days(folder, tmp_path_factory) -> pathlib.Path:
    """`first`: the window of one day, trained on; `second`: of that day and the next."""
    found = tmp_path_factory.mktemp("two_days")
    for name, days in (("first", ["2024-03-01"]), ("second", ["2024-03-01", "2024-03-02"])):
        for number, day in enumerate(days):
            rows = tiny.serialize(tiny.table(1200, seed=number))
            tiny.write(found / name / "Split-train", rows, files=4, prefix=f"{day}-")
        shutil.copytree(folder / "transform", found / name / "transform")
        (found / name / "window.json").write_text(json.dumps({"day": "2024-03-03", "splits": {"train": days}}))
    told = arguments(found / "first", "run", mode="incremental", epochs_without_validation=1)
    train(found / "before", told)
    return found


@pytest.mark.slow
def test_days_are_learned_on_in_step(two_days):
    """One device, two, and two processes go on from the same model; each row is learned from once."""
    found, measured = {}, {}
    for strategy in ("one_device", "mirrored", "multi_worker"):
        told = arguments(two_days / "second", strategy, mode="incremental", strategy=strategy)
        told["base_model"] = tiny.base(two_days / "first")
        history = train(two_days / strategy, told)
        assert history["lineage"]["days"] == ["2024-03-02"] and history["examples"] == 1200
        state = np.load(two_days / "second" / strategy / "model_run/weights/optimizer.npz")
        found[strategy] = {**weights(two_days / "second", strategy), **state}
        measured[strategy] = history["epochs"][0]["val_auc"]
    for name, value in found["one_device"].items():
        np.testing.assert_allclose(found["mirrored"][name], value, atol=1e-4, err_msg=name)
        assert found["multi_worker"][name].shape == value.shape and np.isfinite(found["multi_worker"][name]).all()
    assert list(measured.values()) == pytest.approx([measured["one_device"]] * 3, abs=1e-4)
    assert found["multi_worker"]["steps"] == found["one_device"]["steps"]


@pytest.mark.slow
def test_refusals_of_other_processes_are_this_one_s(folder, tmp_path):
    told = tiny.arguments(folder, "refused", strategy="multi_worker", cluster={"workers": 6}, tensorboard=False)
    told.custom_config["checkpoint"] = str(tmp_path)
    with pytest.raises(DataError, match="processes have no .* rows to read: set ingest.partitions"):
        run_fn(told)


@pytest.mark.slow
def test_processes_of_a_cluster_join_by_themselves(folder, tmp_path, monkeypatch):
    """Chief and worker are told by TF_CONFIG alone; the worker waits for the job and ends with it."""
    told = job(folder, tmp_path / "named", strategy="multi_worker", epochs=1)
    (tmp_path / "named").mkdir()
    configs = launch.on_this_machine(told.trainer)
    code = f"from scenerank.components.trainer.cluster import launch; launch.take_part({str(tmp_path)!r})"
    other = {**os.environ, "TF_CONFIG": configs["worker", 1]}
    worker = subprocess.Popen([sys.executable, "-c", code], env=other, start_new_session=True)
    try:
        monkeypatch.setenv("TF_CONFIG", configs["worker", 0])
        learned = launch.launch(told, str(tmp_path))
        assert learned.history["examples"] == ROWS["train"] + ROWS["validation"]
        assert worker.wait(60) == 0 and not (tmp_path / FILE).exists()
    finally:
        if worker.poll() is None:
            os.killpg(worker.pid, 9)


@pytest.mark.slow
def test_no_process_outlives_the_one_that_started_it(folder, tmp_path):
    (tmp_path / "arguments.json").write_text(json.dumps(arguments(folder, "orphans", strategy="parameter_server")))
    command = [sys.executable, "-m", "tests.components.train_with", str(tmp_path / "arguments.json")]
    process = subprocess.Popen(command, start_new_session=True)
    try:
        deadline = time.monotonic() + 120
        while len(pids := tasks(process.pid)) < 5 and time.monotonic() < deadline:
            time.sleep(0.2)
        assert sorted(kind for kind, _ in pids.values()) == ["chief", "ps", "ps", "worker", "worker"]
        time.sleep(5)  # until they have said that they go with their parent
    finally:
        process.kill()
        process.wait()
    deadline = time.monotonic() + 60
    while (alive := [pid for pid in pids if lives(pid)]) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not alive


def lives(pid: int) -> bool:
    """Whether a process runs; one that ended and that nobody asked about has no command line any more."""
    path = pathlib.Path(f"/proc/{pid}/cmdline")
    return path.exists() and bool(path.read_bytes())


def test_a_training_that_dies_for_good_fails_in_a_sentence(folder, tmp_path):
    told = job(folder, tmp_path / "named", strategy="multi_worker", model="no_such_model", cluster={"restarts": 0})
    (tmp_path / "named").mkdir()
    with pytest.raises(launch.TrainingError, match=r"died 1 times, at last .*worker [01] \(1\)"):  # both do
        launch.launch(told, str(tmp_path))
    assert not (tmp_path / FILE).exists()
