"""A simulated platform with promotions, and models trained on its logs in several ways.

Days are ingested, scored and trained on by the functions that the components are made of, in memory and
without the components around them: what a figure compares are dozens of trainings.
"""

from __future__ import annotations

import dataclasses
import pathlib
import tempfile
from typing import Any

import models  # noqa: F401  (legacy Keras has to be chosen before TensorFlow is imported)

import tensorflow as tf  # isort: skip
import numpy as np
import pandas as pd
import pyarrow as pa

from components.log_example_gen.writer import write
from components.report import exposure
from components.report.unbiased import examples_of
from components.sources.simulator import simulate
from components.sources.simulator.oracle import auc, read
from components.trainer.building import build_training, start_afresh
from components.trainer.callbacks import ProgressLog
from components.trainer.data import Data
from components.trainer.dataset import Reader
from components.trainer.feed import Feed
from components.trainer.fitting import fit
from components.trainer.settings import TrainerSettings
from components.trainer.store import Store, load
from components.workspace import Workspace
from models.base import RankingModel
from models.training import TrainingModel
from pipeline.benchmark.coefficients import by_exposure
from pipeline.config import Config, load_config
from schemas import FAIRNESS
from tests.components.tiny import analyse

DAYS, IMPRESSIONS = 8, 40_000
"""Seven days to train on, four of them with promotions; on the last one items are ranked."""
KEYS = ["request_id", "item_id"]


@dataclasses.dataclass(frozen=True)
class World:
    """Rows to train on and to rank.

    Attributes:
      config: of the simulator's pipeline.
      seed: of the simulation and of every training.
      train: rows of all days but the last, as logged, with the coefficients that earlier days give them.
      logged: the same rows: day, scenario, item, campaign (it pushes that pair on that day).
      unbiased: rows of the last day's requests with items drawn uniformly.
      drawn: the same rows: request_id, category, is_click, probability (the true one).
      shown: rows of the last day as logged.
    """

    config: Config
    seed: int
    train: Store
    logged: pd.DataFrame
    unbiased: Store
    drawn: pd.DataFrame
    shown: Store


def build_world(strength: float, seed: int, days: int = DAYS, impressions: int = IMPRESSIONS) -> World:
    """Simulates a platform of the default size and ingests it."""
    config = load_config("simulator")
    with tempfile.TemporaryDirectory() as folder:
        simulate(folder, days=days, impressions_per_day=impressions, seed=seed, promotion_strength=strength)
        workspace = Workspace(folder)
        *earlier, last = workspace.log_days()
        tables = [_write(config, workspace, "logs", day, folder) for day in earlier]
        drawn = _write(config, workspace, "unbiased", last, folder)
        files = [f"{folder}/logs/{day}.gz" for day in earlier]
        reader = Reader.of(
            config.declared, analyse(f"{folder}/logs/*.gz", pathlib.Path(folder, "graph"), config.declared)
        )
        _write(config, workspace, "logs", last, folder)
        splits = [load(reader, of) for of in (files, [f"{folder}/unbiased/{last}.gz"], [f"{folder}/logs/{last}.gz"])]
    train, unbiased, shown = splits
    assert train is not None and unbiased is not None and shown is not None
    logged = pd.concat(tables, ignore_index=True)
    keys = (logged[name].to_numpy() for name in ("day", "scenario_id", "item_id"))
    train = train.with_coefficients(by_exposure(*keys, config.fairness))
    return World(config, seed, train, logged, unbiased, drawn, shown)


def _write(config: Config, workspace: Workspace, table: str, day: str, folder: str) -> pd.DataFrame:
    """Examples of a day to `folder/table/day.gz`; returns what is known of its rows beside them."""
    declared = config.declared
    batches = [b for b in examples_of(workspace, day, declared, read(workspace, table, day)) if b.num_rows]
    one = [pa.array(np.ones(b.num_rows, np.float32)) for b in batches]
    batches = [
        pa.RecordBatch.from_arrays([*b.columns, fc], names=[*b.schema.names, FAIRNESS]) for b, fc in zip(batches, one)
    ]
    write(folder, f"{folder}/{table}", f"{day}.gz", batches, level=1)
    rows = pa.Table.from_batches(batches).select([*KEYS, "scenario_id", "category", "is_click"]).to_pandas()
    known = [*KEYS, "probability", "logged_probability", "boosted", "campaign"]
    truth = read(workspace, {"logs": "truth"}.get(table, "truth_unbiased"), day, known)
    rows = rows.merge(truth.to_pandas().drop_duplicates(KEYS), "left", KEYS)  # a request shows an item once
    return rows.assign(day=day)


def train(world: World, rows: Store, debias: dict[str, Any], **over: Any) -> TrainingModel:
    """Trains as the Trainer does where there is neither a validation day nor a model in service.

    Args:
      rows: to learn from.
      debias: fields of `DebiasSettings`.
      over: further fields of `TrainerSettings`.
    """
    fields = {
        **world.config.trainer.model_dump(),
        "seed": world.config.trainer.seed + world.seed,
        "debias": debias,
        **over,
    }
    trainer = TrainerSettings.model_validate(fields)
    start_afresh(trainer)
    training = build_training(trainer, rows.features, rows.clicks / rows.rows)
    with tempfile.TemporaryDirectory() as folder:
        log = ProgressLog(f"{folder}/progress.jsonl")
        fit(training, Feed(Data(rows, None), trainer), trainer, f"{folder}/checkpoint", None, log)
    return training


def scores(model: RankingModel, rows: Store) -> np.ndarray:
    """Click probabilities float64 `[N]`."""
    call = tf.function(lambda features: tf.sigmoid(model(features)), autograph=False, reduce_retracing=True)
    return np.concatenate([call(features).numpy() for features, _, _ in rows.evaluation(rows.steps(8192))]).astype(
        np.float64
    )


def subsampled(world: World, share: float) -> Store:
    """The rows to train on, of those under promotion only a share, chosen by chance (Table 5)."""
    chance = np.random.default_rng([world.seed, 1]).random(world.train.rows)
    return world.train.take(np.flatnonzero(~world.logged["campaign"].to_numpy(bool) | (chance < share)))


def judge(world: World, model: RankingModel) -> dict[str, float]:
    """`auc` on the unbiased rows, `logged_auc` on the last day's own, and `exposure_error`: the share of the
    requests' first places that would have to move between categories to match those that the truth gives."""
    drawn, score = world.drawn, scores(model, world.unbiased)
    request, category = drawn["request_id"].to_numpy(), drawn["category"].to_numpy().astype(str)
    names = np.unique(category)
    truth = exposure.first_place_shares(request, drawn["probability"].to_numpy(), category, names)
    ranked = exposure.first_place_shares(request, score, category, names)
    return {
        "auc": auc(drawn["is_click"].to_numpy(), score),
        "logged_auc": auc(world.shown.labels, scores(model, world.shown)),
        "exposure_error": exposure.distance(ranked, truth),
    }
