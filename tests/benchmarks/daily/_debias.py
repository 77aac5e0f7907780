"""A simulated platform with promotions, and models trained on its logs in several ways.

Days are ingested, scored and trained on by the functions that the components are made of, in memory and
without the components around them: what a figure compares are dozens of trainings.
"""

from __future__ import annotations

import dataclasses
import pathlib
import tempfile
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import tensorflow as tf

from scenerank.components.export import intercepts
from scenerank.components.fairness_coefficient.ordinary import ordinary
from scenerank.components.fairness_coefficient.settings import FairnessSettings
from scenerank.components.log_example_gen.writing.writer import write
from scenerank.components.trainer.input.distributed import DistributedInput
from scenerank.components.trainer.input.in_memory import InMemorySplit, load
from scenerank.components.trainer.input.splits import TrainingInput
from scenerank.components.trainer.loop.building import build_training, start_afresh
from scenerank.components.trainer.loop.fitting import fit
from scenerank.components.trainer.loop.progress import ProgressLog
from scenerank.components.trainer.settings import TrainerSettings
from scenerank.components.transform.example_reader import ExampleReader
from scenerank.components.workspace import Workspace
from scenerank.models.base import RankingModel
from scenerank.models.training import TrainingModel
from scenerank.pipeline.compare.coefficients import by_exposure, by_flag, by_folds, by_score
from scenerank.pipeline.config import Config, load_config
from scenerank.pipeline.simulated import exposure
from scenerank.pipeline.simulated.unbiased import examples_of
from scenerank.pipeline.sources.simulator import simulate
from scenerank.pipeline.sources.simulator.oracle import auc, read
from scenerank.schemas import FAIRNESS
from scenerank.schemas.bias import DebiasSettings
from tests.components.tiny import analyse

DAYS, IMPRESSIONS = 8, 40_000
"""Seven days to train on, four of them with promotions; on the last one items are ranked."""
KEYS = ["request_id", "item_id"]
SCORE = FairnessSettings(numerator="score")


@dataclasses.dataclass(frozen=True)
class World:
    """Rows to train on and to rank.

    Attributes:
      config: of the simulator's pipeline.
      seed: of the simulation and of every training.
      train: rows of all days but the last, as logged, with the coefficients that earlier days give them.
      logged: the same rows: day, scenario, item, is_click, logged_probability (the true one, place and badge as they
        were), boosted (put there by a campaign), campaign (one pushes that pair on that day).
      unbiased: rows of the last day's requests with items drawn uniformly, each as if at the top.
      drawn: the same rows: request_id, category, is_click, probability (the true one).
      shown: rows of the last day as logged; nothing is promoted on it.
      known: the same rows, as `logged` has them.
    """

    config: Config
    seed: int
    train: InMemorySplit
    logged: pd.DataFrame
    unbiased: InMemorySplit
    drawn: pd.DataFrame
    shown: InMemorySplit
    known: pd.DataFrame


def build_world(
    strength: float, seed: int, ranker: str = "taste", days: int = DAYS, impressions: int = IMPRESSIONS
) -> World:
    """Simulates a platform of the default size and ingests it; see the simulator's `Settings`."""
    config = load_config("simulator")
    told = {"days": days, "impressions_per_day": impressions, "seed": seed, "ranker": ranker}
    with tempfile.TemporaryDirectory() as folder:
        simulate(folder, promotion_strength=strength, **told)
        workspace = Workspace(folder)
        *earlier, last = workspace.log_days()
        tables = [_write(config, workspace, "logs", day, folder) for day in earlier]
        drawn = _write(config, workspace, "unbiased", last, folder)
        files = [f"{folder}/logs/{day}.gz" for day in earlier]
        reader = ExampleReader.of(
            config.declared, analyse(f"{folder}/logs/*.gz", pathlib.Path(folder, "graph"), config.declared)
        )
        known = _write(config, workspace, "logs", last, folder)
        splits = [load(reader, of) for of in (files, [f"{folder}/unbiased/{last}.gz"], [f"{folder}/logs/{last}.gz"])]
    train, unbiased, shown = splits
    assert train is not None and unbiased is not None and shown is not None
    logged = pd.concat(tables, ignore_index=True)
    keys = (logged[name].to_numpy() for name in ("day", "scenario_id", "item_id"))
    train = train.with_coefficients(by_exposure(*keys, config.fairness))
    return World(config, seed, train, logged, unbiased, drawn, shown, known)


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


@dataclasses.dataclass(frozen=True)
class Kind:
    """A way to train.

    Attributes:
      debias: fields of `DebiasSettings`; None: those of the bundled configuration.
      columns: whether bias columns are read.
      model: by its name; other models than the configuration's have their own settings but for the optimizer's.
      share: of the rows under promotion only so many are trained on, chosen by chance (Table 5).
      told: whether the score that is learned stands beside what place and badge truly did to each row, in log odds:
        how much the best of bias nets could do.
    """

    debias: dict[str, Any] | None = dataclasses.field(default_factory=dict)
    columns: bool = True
    model: str = "sar_net"
    share: float = 1.0
    told: bool = False


NETS = {"nets": True}
KINDS = {
    "off": Kind(),
    "told the truth": Kind(told=True),
    "on": Kind(None),
    "coefficient": Kind(NETS, columns=False),
    "position": Kind({**NETS, "coefficient": False}),
    "multiply": Kind({**NETS, "fusion": "multiply"}),
    "one net": Kind({**NETS, "sharing": "one"}),
    "weighting": Kind({"weighting": True}),
    "weighting from 0.5": Kind({"weighting": True, "weight_floor": 0.5}),
    "nets and weighting": Kind({**NETS, "weighting": True}, columns=False),
    **{f"sub-sampling {share}": Kind(share=share) for share in (0.9, 0.8, 0.7, 0.6)},
    "shared_bottom off": Kind(model="shared_bottom"),
    "shared_bottom position": Kind({**NETS, "coefficient": False}, model="shared_bottom"),
}


class Told(TrainingModel):
    """Trains the score of an impression at the top of the page, whose odds are divided by the coefficient."""

    def under_bias(self, logits: tf.Tensor, features: Mapping[str, tf.Tensor], training: bool) -> tf.Tensor:
        return logits - tf.math.log(features[FAIRNESS])


def outcome(world: World, kind: Kind) -> dict[str, float]:
    """What `judge` says of a model trained in a way, as the Trainer does where there is neither a validation day nor a
    model in service; and `served`'s calibration, where bias nets were left out."""
    told, rows = world.config.trainer, subsampled(world, kind.share) if kind.share < 1 else world.train
    if not kind.columns:
        rows = without_columns(rows)
    if kind.told:
        odds = [(p / (1 - p)).to_numpy() for p in (world.logged["probability"], world.logged["logged_probability"])]
        rows = rows.with_coefficients((odds[0] / odds[1]).astype(np.float32))
    own = told.model_settings if kind.model == told.model else {"optimizer": told.model_settings["optimizer"]}
    trainer = TrainerSettings.model_validate(
        {
            **told.model_dump(),
            "model": kind.model,
            "model_settings": own,
            "debias": told.debias if kind.debias is None else kind.debias,
            "seed": told.seed + world.seed,
        }
    )
    training = _trained(rows, trainer, Told if kind.told else None)
    judged = judge(world, training.serving)
    return {**judged, **(served(world, training) if trainer.debias.nets and rows is world.train else {})}


def _trained(rows: InMemorySplit, trainer: TrainerSettings, kind: type[TrainingModel] | None = None) -> TrainingModel:
    start_afresh(trainer)
    training = build_training(trainer, rows.features, rows.clicks / rows.rows)
    if kind is not None:
        training = kind(training.serving)
    with tempfile.TemporaryDirectory() as folder:
        log = ProgressLog(f"{folder}/progress.jsonl")
        fit(training, DistributedInput(TrainingInput(rows, None), trainer), trainer, f"{folder}/checkpoint", None, log)
    return training


def without_columns(rows: InMemorySplit) -> InMemorySplit:
    """The rows as if the log had no bias columns."""
    names = [column.name for column in rows.features.bias]
    features = dataclasses.replace(rows.features, bias=())
    kept = rows.integers.shape[1] - len(names)
    return dataclasses.replace(rows, features=features, integers=rows.integers[:, :kept])


def logits(model: RankingModel | TrainingModel, rows: InMemorySplit) -> np.ndarray:
    """float64 `[N]`."""
    call = tf.function(model, autograph=False, reduce_retracing=True)
    found = [call(features).numpy() for features, _, _ in rows.evaluation(rows.steps(8192))]
    return np.concatenate(found).astype(np.float64)


def subsampled(world: World, share: float) -> InMemorySplit:
    """The rows to train on, of those under promotion only a share, chosen by chance (Table 5)."""
    chance = np.random.default_rng([world.seed, 1]).random(world.train.rows)
    return world.train.take(np.flatnonzero(~world.logged["campaign"].to_numpy(bool) | (chance < share)))


def judge(world: World, model: RankingModel) -> dict[str, float]:
    """`auc` on the unbiased rows, `logged_auc` on the last day's own; `exposure_error`, the share of the requests'
    first places that would have to move between categories to match those that the truth gives."""
    drawn, score = world.drawn, logits(model, world.unbiased)
    request, category = drawn["request_id"].to_numpy(), drawn["category"].to_numpy().astype(str)
    names = np.unique(category)
    truth = exposure.first_place_shares(request, drawn["probability"].to_numpy(), category, names)
    ranked = exposure.first_place_shares(request, score, category, names)
    return {
        "auc": auc(drawn["is_click"].to_numpy(), score),
        "logged_auc": auc(world.shown.labels, logits(model, world.shown)),
        "exposure_error": exposure.distance(ranked, truth),
    }


def served(world: World, training: TrainingModel) -> dict[str, float]:
    """`pcoc` of the last day's own rows, none of them promoted, bias nets left out, an intercept a scenario as the
    Trainer fits it; and `truth`, what the true probabilities have instead."""
    newest = np.flatnonzero(np.cumsum(world.train.labels[::-1])[::-1] <= intercepts.ENOUGH_CLICKS)
    rows, model = world.train.take(newest), training.serving
    bias = {column.name: tf.constant(rows.integer_column(column.name)) for column in rows.features.bias}
    cells = intercepts.cells(rows.features, {**bias, rows.features.scenario: tf.constant(rows.scenarios)}).numpy()
    kept, page = ordinary(rows.coefficients), world.logged["request_id"].to_numpy()[newest]
    whole, weight = intercepts.whole_pages(kept, page), np.ones(rows.rows)
    scored = (logits(model, rows), logits(training, rows))
    known = intercepts.Rows(rows.scenarios, *scored, rows.labels, weight, kept, cells, whole)
    own = intercepts.of_rows(known, rows.features.scenarios, training.debias.nets)
    scores, clicks = 1 / (1 + np.exp(-(logits(model, world.shown) + own[world.shown.scenarios]))), world.shown.labels
    truth = world.known["logged_probability"].sum() / clicks.sum()
    return {"pcoc": float(scores.sum() / clicks.sum()), "truth": float(truth)}


def correlations(world: World, name: str) -> dict[str, float]:
    """Of the coefficients' logarithm with what a click is beyond its probability, and with being promoted.

    Args:
      name: which coefficients: `exposure`, `flag`, or `score` (of models of the other days, see `by_folds`).
    """
    days, scenarios, items = (world.logged[column].to_numpy() for column in ("day", "scenario_id", "item_id"))
    if name == "exposure":
        found = world.train.coefficients
    elif name == "flag":
        found = by_flag(days, scenarios, items, world.logged["boosted"].to_numpy(np.int64), world.config.fairness)
    else:
        found = by_score(days, scenarios, items, by_folds(days, lambda *rows: _scored(world, *rows)), SCORE)
    value, clicks = np.log(found), world.logged["is_click"] - world.logged["logged_probability"]
    return {
        "label": float(np.corrcoef(value, clicks)[0, 1]),
        "promoted": float(np.corrcoef(value, world.logged["boosted"])[0, 1]),
        "rows": float(len(value)),
    }


def _scored(world: World, learn: np.ndarray, held: np.ndarray) -> np.ndarray:
    plain = world.config.trainer.model_copy(update={"debias": DebiasSettings()})
    return 1 / (1 + np.exp(-logits(_trained(world.train.take(learn), plain).serving, world.train.take(held))))
