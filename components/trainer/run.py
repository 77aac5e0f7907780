"""`run_fn` of TFX's Trainer: trains any registered model and exports it.

Reads from `custom_config`: `declaration` and `settings` (JSON of a Declaration and of TrainerSettings),
`code_version` (noted in the history; a change of it makes TFX run again), and, if there, `checkpoint` (URI of
a folder in which a training that was killed finds its checkpoints, by the day that `window.json` beside the splits
names; without it they lie in the run's own folder), `warmup_requests` (number of examples to warm up with).

Layout of the model run: `weights/` (see `components.trainer.weights`), `tensorboard/`, `progress.jsonl`,
`seconds.json` (phase -> seconds), and `checkpoint/` while training.
"""

from __future__ import annotations

import json
import logging
import os
from typing import Any

import models  # noqa: F401  (legacy Keras has to be chosen before TensorFlow is imported)

import tensorflow as tf  # isort: skip
import tensorflow_transform as tft  # isort: skip
import tf_keras as keras
from tfx.components.trainer.fn_args_utils import FnArgs

from components.export.serving import export
from components.export.warmup import write_warmup
from components.trainer.building import build_training, start_afresh
from components.trainer.callbacks import ProgressLog
from components.trainer.data import Data
from components.trainer.dataset import Reader, expand
from components.trainer.fitting import fit, refit
from components.trainer.resume import fingerprint, prepare
from components.trainer.settings import TrainerSettings
from components.trainer.warm_start import warm_start
from components.trainer.weights import Weights, vocabularies
from models.base import named_weights, table_of
from schemas import Declaration

TRAIN, VALIDATION = "/Split-train/", "/Split-validation/"


def run_fn(fn_args: FnArgs) -> None:
    """Trains on split `train`, stops early on split `validation` where there is one, never sees `eval`.

    Raises:
      DataRefused: no rows, or labels of one kind only.
    """
    config = fn_args.custom_config or {}
    declaration = Declaration.model_validate_json(config["declaration"])
    settings = TrainerSettings.model_validate_json(config["settings"])
    log = ProgressLog(os.path.join(fn_args.model_run_dir, "progress.jsonl"))
    start_afresh(settings)

    log.phase("reading")
    train_files = expand(fn_args.train_files)
    validation_files = expand([p.replace(TRAIN, VALIDATION) for p in fn_args.train_files if TRAIN in p])
    reader = Reader.of(declaration, fn_args.transform_output)
    data = Data.read(reader, train_files, validation_files, settings)

    log.phase("building")
    old = _served(fn_args.base_model) if settings.warm_start else None
    training = build_training(settings, reader.features, data.train.clicks / data.train.rows)
    serving = training.serving
    tft_output = tft.TFTransformOutput(fn_args.transform_output)
    words = vocabularies(declaration, tft_output)
    started = _start(training, words, old, settings)

    log.phase("training")
    folder = _checkpoints(fn_args)
    origin = None if old is None else old.digest
    name = fingerprint(train_files + validation_files, config["declaration"], config["settings"], origin)
    tensorboard = os.path.join(fn_args.model_run_dir, "tensorboard") if settings.tensorboard else None
    fitted = fit(training, data, settings, prepare(folder, name), tensorboard, log)
    if data.validation is not None and settings.refit_validation:
        log.phase("refitting")
        refit(training, data, settings, log)

    log.phase("exporting")
    export(serving, reader, fn_args.serving_model_dir)
    count = int(config.get("warmup_requests", 0))
    examples = [record.numpy() for record in reader.records(train_files).take(count)]
    write_warmup(fn_args.serving_model_dir, declaration, examples)
    arrays = {name: variable.numpy() for name, variable in named_weights(training).items()}
    history = {
        "model": settings.model,
        "code_version": config.get("code_version"),
        "rows": {"train": data.train.rows, "validation": data.validation.rows if data.validation else 0},
        "parameters": {"serving": serving.count_params(), "training": training.count_params()},
        "warm_start": started,
        **fitted,
    }
    Weights(arrays, reader.features, words).write(os.path.join(fn_args.model_run_dir, "weights"), history)
    log.phase("")
    with tf.io.gfile.GFile(os.path.join(fn_args.model_run_dir, "seconds.json"), "w") as stream:
        stream.write(json.dumps(log.seconds))
    tf.io.gfile.rmtree(folder)


def _checkpoints(fn_args: FnArgs) -> str:
    """Folder for checkpoints of trainings of this day."""
    kept = (fn_args.custom_config or {}).get("checkpoint")
    if not kept:
        return os.path.join(fn_args.model_run_dir, "checkpoint")
    window = fn_args.train_files[0].partition(TRAIN)[0]
    with tf.io.gfile.GFile(f"{window}/window.json") as stream:
        return f"{kept}/day={json.loads(stream.read())['day']}"


def _served(base_model: str | None) -> Weights | None:
    """Training weights of the served model, which lie beside its SavedModel; None if nothing is served."""
    return Weights.read(os.path.join(os.path.dirname(base_model), "Format-Training")) if base_model else None


def _start(
    training: keras.Model, words: dict[str, list[str]], old: Weights | None, settings: TrainerSettings
) -> dict[str, Any] | None:
    """Gives the model the old weights, as far as they fit; returns what became of them."""
    if old is None:
        return None
    variables = named_weights(training)
    fresh = {name: variable.numpy() for name, variable in variables.items()}
    values, report = warm_start(fresh, table_of(training), words, old, settings.new_rows)
    for name, variable in variables.items():
        variable.assign(values[name])
    for name, reason in report.cold.items():
        logging.warning("%s starts anew: %s", name, reason)
    return report.summary()
