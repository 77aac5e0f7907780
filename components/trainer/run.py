"""`run_fn` of TFX's Trainer: trains any registered model and exports it.

Reads from `custom_config`: `declaration` and `settings` (JSON of a Declaration and of TrainerSettings),
`code_version` (noted in the history; a change of it makes TFX run again), and, if there, `checkpoint` (URI of
a folder in which a training that was killed finds its checkpoints, by the day that `window.json` beside the splits
names; without it they lie in the run's own folder), `warmup_requests` (number of examples to warm up with).

Layout of the model run: `weights/` (see `components.trainer.checkpoint.weights`), `tensorboard/`, `progress.jsonl`,
`seconds.json` (phase -> seconds), and `checkpoint/` while training.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import os
from typing import Any

import tensorflow_transform as tft
from tfx.components.trainer.fn_args_utils import FnArgs

from scenerank.components import storage
from scenerank.components.examples_window.window import files_of_day
from scenerank.components.export.intercepts import intercepts
from scenerank.components.export.serving import export
from scenerank.components.export.warmup import write_warmup
from scenerank.components.records.release import Served
from scenerank.components.records.window import TRAIN, VALIDATION, Window, split_folder
from scenerank.components.served_model.serve import TRAINING
from scenerank.components.trainer.checkpoint.lineage import INCREMENTAL, Lineage, made_of, plan
from scenerank.components.trainer.checkpoint.resume import fingerprint, prepare
from scenerank.components.trainer.checkpoint.weights import Weights, vocabularies
from scenerank.components.trainer.cluster.launch import launch
from scenerank.components.trainer.job import PROGRESS, Job
from scenerank.components.trainer.loop.building import build_training, start_afresh
from scenerank.components.trainer.loop.progress import ProgressLog
from scenerank.components.trainer.loop.strategies import SEVERAL_PROCESSES
from scenerank.components.trainer.loop.synchronous import learn
from scenerank.components.trainer.result import TrainingResult
from scenerank.components.trainer.settings import TrainerSettings
from scenerank.components.transform.example_reader import ExampleReader
from scenerank.components.transform.preprocessing import resolved_features
from scenerank.models.base import assign_weights
from scenerank.schemas import Declaration


def run_fn(fn_args: FnArgs) -> None:
    """Trains on split `train`, stops early on split `validation` where there is one, never sees `eval`; or, with
    `trainer.mode` `incremental`, goes on from the model in service with the days of both that it has not learned from.

    Raises:
      DataError: no rows, or labels of one kind only.
    """
    folder = _checkpoints(fn_args)
    job, lineage = plan_job(fn_args, folder)
    learned = launch(job, folder) if job.trainer.strategy in SEVERAL_PROCESSES else learn(job)
    _export(fn_args, job, lineage, learned)
    storage.delete(folder)


def plan_job(fn_args: FnArgs, folder: str) -> tuple[Job, Lineage]:
    """What is to be trained, and what the model that comes of it will be made of.

    Args:
      folder: for checkpoints of trainings of this day.
    """
    config, window = fn_args.custom_config or {}, _window(fn_args)
    train, validation = _files(fn_args, TRAIN), _files(fn_args, VALIDATION)
    settings = TrainerSettings.model_validate_json(config["settings"])
    declaration = Declaration.model_validate_json(config["declaration"])
    served = os.path.dirname(fn_args.base_model or "")
    base = f"{served}/{TRAINING}"
    old = Weights.read(base) if served else None
    features = resolved_features(declaration, tft.TFTransformOutput(fn_args.transform_output))
    today = made_of(settings, declaration, features)
    before = old.lineage if old else None
    resumable = bool(old and old.optimizer)
    chosen = plan(settings, window.day, window.splits, old is not None, before, resumable, today)
    if chosen.reason:
        logging.warning("a full training: %s", chosen.reason)
    on = chosen.mode == INCREMENTAL
    started = old if on or settings.warm_start else None
    everything = [*train, *validation]
    job = Job(
        declaration=config["declaration"],
        settings=config["settings"],
        train_files=tuple(f for day in chosen.days for f in files_of_day(day, everything)) if on else tuple(train),
        validation_files=() if on else tuple(validation),
        transform_output=fn_args.transform_output,
        base=base if started else None,
        folder="",
        run=fn_args.model_run_dir,
        days=chosen.days if on else (),
    )
    name = fingerprint(
        [*job.train_files, *job.validation_files],
        config["declaration"],
        config["settings"],
        job.days,
        started and started.digest,
    )
    version = Served.read(served).version if started else None
    lineage = chosen.lineage(window.day, version, before, today)
    return dataclasses.replace(job, folder=prepare(folder, name)), lineage


def _export(fn_args: FnArgs, job: Job, lineage: Lineage, learned: TrainingResult) -> None:
    """Writes the SavedModel, warm-up requests, weights and what there is to tell of the training."""
    config, settings = fn_args.custom_config or {}, job.trainer
    log = ProgressLog(os.path.join(job.run, PROGRESS))
    log.phase("exporting")
    reader = ExampleReader.of(job.declared, job.transform_output)
    start_afresh(settings)  # the model that is exported lies on this device alone, whatever trained it
    training = build_training(settings, reader.features, 0.5)
    assign_weights(training, learned.arrays)
    debiased = settings.debias.nets or settings.debias.weighting
    found = intercepts(training, reader, _files(fn_args)) if debiased else None
    export(training.serving, reader, fn_args.serving_model_dir, found)
    count = int(config.get("warmup_requests", 0))
    examples = [record.numpy() for record in reader.records(job.train_files).take(count)]
    write_warmup(fn_args.serving_model_dir, job.declared, examples)
    parameters = {"serving": training.serving.count_params(), "training": training.count_params()}
    facts = {"code_version": config.get("code_version"), "parameters": parameters}
    if found is not None:
        facts["intercepts"] = found.tolist()
    keep(job, lineage, learned, facts)
    log.phase("")
    storage.write(f"{job.run}/seconds.json", json.dumps({**learned.seconds, **log.seconds}))


def keep(job: Job, lineage: Lineage, learned: TrainingResult, facts: dict[str, Any]) -> None:
    """Writes `weights/`, from which a later training can go on.

    Args:
      facts: what else its history tells.
    """
    output = tft.TFTransformOutput(job.transform_output)
    history = {
        "model": job.trainer.model,
        "strategy": job.trainer.strategy,
        **facts,
        "lineage": lineage.summary(),
        **learned.history,
    }
    features, words = resolved_features(job.declared, output), vocabularies(job.declared, output)
    weights = Weights(learned.arrays, features, words, learned.optimizer, lineage)
    weights.write(os.path.join(job.run, "weights"), history)


def _checkpoints(fn_args: FnArgs) -> str:
    """Folder for checkpoints of trainings of this day."""
    kept = (fn_args.custom_config or {}).get("checkpoint")
    if not kept:
        return os.path.join(fn_args.model_run_dir, "checkpoint")
    return f"{kept}/day={_window(fn_args).day}"


def _files(fn_args: FnArgs, *splits: str) -> list[str]:
    """Files of splits, of all but `eval` by default, oldest days first."""
    patterns = [f"{split_folder(_examples(fn_args), split)}/*" for split in splits or (TRAIN, VALIDATION)]
    return sorted(storage.expand(patterns), key=os.path.basename)


def _window(fn_args: FnArgs) -> Window:
    return Window.read(_examples(fn_args))


def _examples(fn_args: FnArgs) -> str:
    """URI of the window, of whose files TFX tells the patterns alone."""
    return fn_args.train_files[0].rpartition("/")[0].rpartition("/")[0]
