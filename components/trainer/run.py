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
import os

import models  # noqa: F401  (legacy Keras has to be chosen before TensorFlow is imported)

import tensorflow as tf  # isort: skip
import tensorflow_transform as tft  # isort: skip
from tfx.components.trainer.fn_args_utils import FnArgs

from components.export.serving import export
from components.export.warmup import write_warmup
from components.trainer.building import build_training, start_afresh
from components.trainer.callbacks import ProgressLog
from components.trainer.dataset import Reader, expand
from components.trainer.job import PROGRESS, Job, Learned
from components.trainer.launch import launch
from components.trainer.learning import learn
from components.trainer.resume import fingerprint, prepare
from components.trainer.settings import TrainerSettings
from components.trainer.strategies import SEVERAL_PROCESSES
from components.trainer.weights import Weights, vocabularies
from models.base import assign_weights

TRAIN, VALIDATION = "/Split-train/", "/Split-validation/"


def run_fn(fn_args: FnArgs) -> None:
    """Trains on split `train`, stops early on split `validation` where there is one, never sees `eval`.

    Raises:
      DataRefused: no rows, or labels of one kind only.
    """
    folder = _checkpoints(fn_args)
    job = _job(fn_args, folder)
    learned = launch(job, folder) if job.trainer.strategy in SEVERAL_PROCESSES else learn(job)
    _export(fn_args, job, learned)
    tf.io.gfile.rmtree(folder)


def _job(fn_args: FnArgs, folder: str) -> Job:
    config = fn_args.custom_config or {}
    train = expand(fn_args.train_files)
    validation = expand([p.replace(TRAIN, VALIDATION) for p in fn_args.train_files if TRAIN in p])
    settings = TrainerSettings.model_validate_json(config["settings"])
    starts = fn_args.base_model and settings.warm_start
    base = os.path.join(os.path.dirname(fn_args.base_model), "Format-Training") if starts else None
    old = Weights.read(base) if base else None
    name = fingerprint(train + validation, config["declaration"], config["settings"], old and old.digest)
    return Job(
        declaration=config["declaration"],
        settings=config["settings"],
        train_files=tuple(train),
        validation_files=tuple(validation),
        transform_output=fn_args.transform_output,
        base=base,
        folder=prepare(folder, name),
        run=fn_args.model_run_dir,
    )


def _export(fn_args: FnArgs, job: Job, learned: Learned) -> None:
    """Writes the SavedModel, warm-up requests, weights and what there is to tell of the training."""
    config, settings = fn_args.custom_config or {}, job.trainer
    log = ProgressLog(os.path.join(job.run, PROGRESS))
    log.phase("exporting")
    reader = Reader.of(job.declared, job.transform_output)
    start_afresh(settings)  # the model that is exported lies on this device alone, whatever trained it
    training = build_training(settings, reader.features, 0.5)
    assign_weights(training, learned.arrays)
    export(training.serving, reader, fn_args.serving_model_dir)
    count = int(config.get("warmup_requests", 0))
    examples = [record.numpy() for record in reader.records(job.train_files).take(count)]
    write_warmup(fn_args.serving_model_dir, job.declared, examples)
    history = {
        "model": settings.model,
        "strategy": settings.strategy,
        "code_version": config.get("code_version"),
        "parameters": {"serving": training.serving.count_params(), "training": training.count_params()},
        **learned.history,
    }
    words = vocabularies(job.declared, tft.TFTransformOutput(job.transform_output))
    Weights(learned.arrays, reader.features, words).write(os.path.join(job.run, "weights"), history)
    log.phase("")
    with tf.io.gfile.GFile(os.path.join(job.run, "seconds.json"), "w") as stream:
        stream.write(json.dumps({**learned.seconds, **log.seconds}))


def _checkpoints(fn_args: FnArgs) -> str:
    """Folder for checkpoints of trainings of this day."""
    kept = (fn_args.custom_config or {}).get("checkpoint")
    if not kept:
        return os.path.join(fn_args.model_run_dir, "checkpoint")
    window = fn_args.train_files[0].partition(TRAIN)[0]
    with tf.io.gfile.GFile(f"{window}/window.json") as stream:
        return f"{kept}/day={json.loads(stream.read())['day']}"
