"""KuaiRand, day after day: each day's model is trained on the days before it and judged on that day.

Days are ingested, transformed and learned from by the functions that the components are made of, without the components
around them.
"""

from __future__ import annotations

import json
import os
import pathlib
import time
from typing import Any

import numpy as np
import pyarrow as pa
from tfx.components.trainer.fn_args_utils import FnArgs

from scenerank.components.examples_window.window import split_days
from scenerank.components.log_example_gen.writing.writer import write
from scenerank.components.trainer.checkpoint.weights import Weights
from scenerank.components.trainer.input.in_memory import load
from scenerank.components.trainer.loop.building import build_training, start_afresh
from scenerank.components.trainer.loop.synchronous import learn
from scenerank.components.trainer.run import keep, plan_job
from scenerank.components.transform.example_reader import ExampleReader
from scenerank.components.workspace import Workspace
from scenerank.models.base import assign_weights
from scenerank.pipeline.compare.trial import scores_of
from scenerank.pipeline.config import Config
from scenerank.pipeline.simulated.unbiased import examples_of
from scenerank.pipeline.sources.simulator.oracle import auc, read
from scenerank.schemas import FAIRNESS
from tests.components.tiny import analyse

FILES = 4


def ingest(config: Config, workspace: Workspace, folder: str) -> None:
    """Examples of all days to `folder/examples/<day>-<n>.gz`, with coefficients of 1."""
    for day in workspace.log_days():
        batches = examples_of(workspace, day, config.declared, read(workspace, "logs", day))
        for number in range(FILES):
            part = []
            for batch in batches:
                rows = batch.take(pa.array(np.arange(number, batch.num_rows, FILES)))
                one = pa.array(np.ones(rows.num_rows, np.float32))
                part.append(pa.RecordBatch.from_arrays([*rows.columns, one], names=[*rows.schema.names, FAIRNESS]))
            write(folder, f"{folder}/examples", f"{day}-{number}.gz", [rows for rows in part if rows.num_rows], level=1)


def lay_out(config: Config, workspace: Workspace, folder: str, day: str) -> None:
    """The window of a day's run to `folder/window/<day>`, as ExamplesWindow has it; Transform's output beside it."""
    window, days = pathlib.Path(folder, "window", day), workspace.log_days()
    splits = split_days(day, days, days, config.window)
    for split, of in splits.items():
        (window / f"Split-{split}").mkdir(parents=True)
        for file in (file for one in of for file in pathlib.Path(folder, "examples").glob(f"{one}-*.gz")):
            os.symlink(file, window / f"Split-{split}" / file.name)
    (window / "window.json").write_text(json.dumps({"day": day, "splits": splits}))
    analyse(f"{window}/Split-train/*.gz", window / "transform", config.declared)


def train(
    config: Config, folder: str, day: str, run: str, base: str | None, files: str = "*", **settings: Any
) -> dict[str, float]:
    """Trains the day's model as the Trainer does and judges it on that day.

    Args:
      run: folder of the run, which keeps its weights in `model_run/weights`.
      base: folder of the run of the model in service.
      files: pattern of the files of the window's training days.
      settings: of the Trainer, in place of the configuration's.

    Returns:
      `auc`; `seconds` and `core_seconds` of reading and learning; `examples` learned from.
    """
    window = pathlib.Path(folder, "window", day)
    serving = f"{run}/model/Format-Serving"
    if base is not None:
        os.makedirs(f"{run}/base", exist_ok=True)
        os.symlink(f"{base}/model_run/weights", f"{run}/base/Format-Training")
        pathlib.Path(run, "base", "version.json").write_text(json.dumps({"version": 1}))
    chosen = config.trainer.model_copy(update={"tensorboard": False, **settings})
    told = FnArgs(
        train_files=[f"{window}/Split-train/{files}"],
        transform_output=f"{window}/transform",
        serving_model_dir=serving,
        model_run_dir=f"{run}/model_run",
        base_model=f"{run}/base/Format-Serving" if base else None,
        custom_config={"declaration": config.declared.model_dump_json(), "settings": chosen.model_dump_json()},
    )
    job, lineage = plan_job(told, f"{run}/checkpoint")
    wall, cores = time.monotonic(), time.process_time()
    learned = learn(job)
    spent = {"seconds": time.monotonic() - wall, "core_seconds": time.process_time() - cores}
    keep(job, lineage, learned, {})
    return {"auc": judge(config, folder, day, run), **spent, "examples": float(learned.history["examples"])}


def judge(config: Config, folder: str, day: str, run: str) -> float:
    """AUC of a run's model on a day."""
    window = f"{folder}/window/{day}"
    reader = ExampleReader.of(config.declared, f"{window}/transform")
    rows = load(reader, sorted(str(path) for path in pathlib.Path(window, "Split-eval").iterdir()))
    weights = Weights.read(f"{run}/model_run/weights")
    assert rows is not None and weights is not None
    start_afresh(config.trainer)
    training = build_training(config.trainer, reader.features, 0.5)
    assign_weights(training, weights.arrays)
    return auc(rows.labels, scores_of(training.serving, rows))


MODES = {
    "full": {"mode": "full"},
    "warm": {"mode": "full", "warm_start": True},
    "incremental": {"mode": "incremental", "full_every": 1000},
}


def chains(config: Config, folder: str, days: list[str], seed: int) -> dict[str, list[dict[str, float]]]:
    """What `train` says of every mode on all days but the first, whose model, trained from scratch, the others follow.

    `full`: every day from scratch; `warm`: from the day before's weights, on the window again; `incremental`: from the
    day before's weights and optimizer, on what is new.
    """
    first = f"{folder}/runs/{seed}/{days[0]}"
    train(config, folder, days[0], first, None, seed=seed, mode="incremental")
    found: dict[str, list[dict[str, float]]] = {mode: [] for mode in MODES}
    before = dict.fromkeys(MODES, first)
    for day in days[1:]:
        for mode, settings in MODES.items():
            run = f"{folder}/runs/{seed}/{day}-{mode}"
            found[mode].append(train(config, folder, day, run, before[mode], seed=seed, **settings))
            before[mode] = run
    return found


def fixed(config: Config, folder: str, day: str, seed: int) -> dict[str, float]:
    """What `train` says of one step on one of the window's days: what any training takes, whatever it learns from."""
    oldest = min(path.name for path in pathlib.Path(folder, "window", day, "Split-train").iterdir()).rsplit("-", 1)[0]
    told = {"files": f"{oldest}-*", "mode": "full", "epochs": 1, "max_steps_per_epoch": 1}
    return train(config, folder, day, f"{folder}/runs/{seed}/{day}-fixed", None, seed=seed, **told)
