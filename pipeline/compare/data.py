"""A data set made ready once: imported, ingested and transformed by the pipeline's own components."""

from __future__ import annotations

import dataclasses
import glob
import hashlib
import os
import pathlib
import uuid
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from scenerank.components.records.window import EVAL, TRAIN, VALIDATION, split_folder
from scenerank.components.storage import expand
from scenerank.components.trainer.input.in_memory import InMemorySplit, load
from scenerank.components.transform.example_reader import ExampleReader
from scenerank.components.workspace import Workspace
from scenerank.errors import ConfigurationError
from scenerank.pipeline.compare.facts import Facts, facts_of, logged_columns
from scenerank.pipeline.compare.splits import Split, random_rows
from scenerank.pipeline.config import Config
from scenerank.schemas.features import FeatureSet

DAY_MS = 24 * 60 * 60 * 1000
MADE_OF = "made_of.txt"
PARTS = {"train": TRAIN, "validation": VALIDATION, "test": EVAL}


@dataclasses.dataclass(frozen=True)
class Prepared:
    """The parts of a split in memory; `days` int64 `[N]` are those of the training rows."""

    features: FeatureSet
    train: InMemorySplit
    validation: InMemorySplit
    test: InMemorySplit
    facts: Facts
    days: np.ndarray


def import_data(data: str, source: str | None, workspace: str) -> None:
    """Writes a data set's logs, unless they are there."""
    if Workspace(workspace).log_days():
        return
    if data == "kuairand":
        from scenerank.pipeline.sources.kuairand import import_kuairand

        import_kuairand(source or "", workspace)
    elif data in ("movielens", "movielens_time"):
        from scenerank.pipeline.sources.movielens import fetch_movielens, import_movielens

        split = "time" if data == "movielens_time" else "random"
        import_movielens(source or fetch_movielens(os.path.join(workspace, "source")), workspace, split)
    elif data == "ali_ccp":
        from scenerank.pipeline.sources.ali_ccp import import_ali_ccp

        import_ali_ccp(source or "", workspace)
    else:
        from scenerank.pipeline.sources.simulator import simulate

        simulate(workspace)


def ready(data: str, config: Config, out: str) -> bool:
    """Whether `prepare` was done.

    Raises:
      ConfigurationError: what lies in `out` was made of something else.
    """
    if not os.path.exists(f"{out}/features.json"):
        return False
    record = pathlib.Path(out, MADE_OF)
    if not record.exists() or record.read_text() != _made_of(data, config):
        raise ConfigurationError(
            f"{out} was made of another data set, or with another declaration, window or ingest settings: "
            f"delete the folder {os.path.dirname(out)} or name another one"
        )
    return True


def _made_of(data: str, config: Config) -> str:
    return "\n".join([data, config.model_dump_json(include={"window", "ingest"}), config.declared.model_dump_json()])


def prepare(
    data: str,
    config: Config,
    workspace: str,
    day: str,
    out: str,
    progress: Callable[[str, str, str], None],
    split: Split = "time",
) -> None:
    """Ingests the window, transforms it and writes `out` (`features.json`, one `.npz` a part).

    Vocabularies are those of the training days, however the rows are split.

    Raises:
      DataError: bad input.
    """
    uris = _run(config, Workspace(workspace), day, progress)
    reader = ExampleReader.of(config.declared, uris["Transform"]["transform_graph"])
    files = {
        part: expand([f"{split_folder(uris['ExamplesWindow']['examples'], split)}/*"]) for part, split in PARTS.items()
    }
    prepared = _by_time(reader, files) if split == "time" else _at_random(reader, sum(files.values(), []))
    os.makedirs(out, exist_ok=True)
    pathlib.Path(out, MADE_OF).write_text(_made_of(data, config))
    write(prepared, out)


def _by_time(reader: ExampleReader, files: dict[str, list[str]]) -> Prepared:
    stores = {part: _load(reader, found) for part, found in files.items()}
    days = _days(reader, files["train"])
    return Prepared(reader.features, **stores, facts=facts_of(reader, files["test"]), days=days)


def _at_random(reader: ExampleReader, files: list[str]) -> Prepared:
    everything, facts, days = _load(reader, files), facts_of(reader, files), _days(reader, files)
    rows = random_rows(facts.scenario)
    stores = {part: everything.take(chosen) for part, chosen in rows.items()}
    return Prepared(reader.features, **stores, facts=facts.take(rows["test"]), days=days[rows["train"]])


def _load(reader: ExampleReader, files: list[str]) -> InMemorySplit:
    store = load(reader, files)
    assert store is not None, f"no rows in {files}"
    return store


def _days(reader: ExampleReader, files: list[str]) -> np.ndarray:
    """Day of each row, int64."""
    (time,) = logged_columns(reader, files, [reader.declaration.time.name])
    return time // DAY_MS


_ARRAYS = ("integers", "floats", "events_integers", "events_floats", "splits")
COEFFICIENTS = "coefficients.npy"
"""Of the training rows; apart from the rest, since most models do not look at them."""


def write(prepared: Prepared, out: str) -> None:
    """Writes the folder that `read` reads."""
    os.makedirs(out, exist_ok=True)
    np.save(f"{out}/{COEFFICIENTS}", prepared.train.coefficients)
    for part in PARTS:
        store = getattr(prepared, part)
        store = store.with_coefficients(np.ones(store.rows, np.float32))
        np.savez(f"{out}/{part}.npz", **{name: getattr(store, name).numpy() for name in _ARRAYS})
    np.savez(f"{out}/facts.npz", **dataclasses.asdict(prepared.facts))
    np.save(f"{out}/days.npy", prepared.days)
    with open(f"{out}/features.json", "w") as stream:  # last: says that the rest is whole
        stream.write(prepared.features.to_json())


def digest(out: str, coefficients: bool = False) -> str:
    """Digest of what `read` reads: results of other data do not stand for this one's.

    Args:
      coefficients: whether Fairness Coefficients are among it.
    """
    found = hashlib.sha256()
    for path in (f"{out}/features.json", *sorted(glob.glob(f"{out}/*.np?"))):
        if path.endswith(COEFFICIENTS) and not coefficients:
            continue
        with open(path, "rb") as stream:
            while block := stream.read(1 << 24):
                found.update(block)
    return found.hexdigest()[:16]


def sizes(out: str) -> dict[str, int]:
    """Rows of each part of what `read` reads."""
    found = {}
    for part in PARTS:
        with np.load(f"{out}/{part}.npz") as arrays:
            found[part] = len(arrays["splits"]) - 1
    return found


def grouping(out: str) -> str:
    """Name of the column that GAUC groups by, see `Facts`."""
    with np.load(f"{out}/facts.npz") as arrays:
        return str(arrays["grouped_by"])


def read(out: str) -> Prepared:
    """What `prepare` wrote."""
    with open(f"{out}/features.json") as stream:
        features = FeatureSet.from_json(stream.read())
    parts = {}
    for part in PARTS:
        with np.load(f"{out}/{part}.npz") as arrays, tf.device("/cpu:0"):
            parts[part] = InMemorySplit(features, **{name: tf.constant(arrays[name]) for name in _ARRAYS})
    parts["train"] = parts["train"].with_coefficients(np.load(f"{out}/{COEFFICIENTS}"))
    with np.load(f"{out}/facts.npz") as arrays:
        facts = Facts(arrays["scenario"], arrays["group"], arrays["session"], str(arrays["grouped_by"]))
    return Prepared(features, **parts, facts=facts, days=np.load(f"{out}/days.npy"))


def _run(config: Config, workspace: Workspace, day: str, progress: Callable[..., None]) -> dict[str, dict[str, str]]:
    """The pipeline up to Transform; URIs of outputs by component."""
    from scenerank.pipeline.daily import graph
    from scenerank.pipeline.daily.local_runner import run_graph
    from scenerank.pipeline.daily.needed import needed
    from scenerank.pipeline.daily.run import locked

    def run(components: list, what: str) -> Any:
        name = f"{what}-{uuid.uuid4().hex[:8]}"
        return run_graph(components, workspace, name, config.beam_options, lambda n, state: progress(what, n, state))

    with locked(workspace):
        for pending_day in needed(config, workspace, day).days:
            served = graph.served_model(workspace.root, pending_day)
            ingestion = graph.ingestion(config, workspace.root, pending_day, served.outputs["model"])
            if pending_day != day:
                run([served, *ingestion], pending_day)
        training = graph.training(config, workspace.root, day, served.outputs["model"], after=ingestion.publisher)
        return run([served, *ingestion, training.window, training.transform], day).uris
