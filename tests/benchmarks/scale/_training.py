"""A day of a simulated platform, taken as far as its Trainer, and that Trainer under one strategy or another."""

from __future__ import annotations

import json
import os
import pathlib
from typing import Any

import numpy as np

from scenerank.components.records.run import run_record
from scenerank.components.records.window import EVAL, TRAIN, split_folder
from scenerank.components.workspace import Workspace
from tests.benchmarks._command import scenerank

LAST = "2024-03-03"
SETTINGS = ("trainer.epochs_without_validation=2", "window.validation_days=0", "ingest.partitions=8")
RATE = "trainer.model_settings.optimizer={learning_rate: 0.002, decay: linear}"
CLUSTER = {"workers": 2, "servers": 2, "min_shard_mb": 0.2}  # tables of users and items are spread


class Day:
    """Three days of a platform, the last of them evaluated on; made by `scenerank run`, whose own model is left aside.

    Args:
      folder: for the workspace and the trainings.
    """

    def __init__(self, folder: str, impressions: int):
        self.folder, workspace = pathlib.Path(folder), os.path.join(folder, "w")
        world = ("--days", "3", "--start-day", "2024-03-01", "--impressions-per-day", str(impressions))
        scenerank("simulate", "-w", workspace, *world)
        chosen = [word for setting in (*SETTINGS, RATE) for word in ("--set", setting)]
        scenerank("run", "-w", workspace, "-c", "simulator", "--day", LAST, *chosen, allowed=(0, 4))
        self.record = run_record(Workspace(workspace), LAST)

    def train(self, strategy: str, name: str, kill: str | None = None, **settings: Any) -> dict[str, Any]:
        """Trains and adds `auc` of the exported model on the last day to what `train_with.train` tells."""
        from tests.components.train_with import train

        uris, run = self.record.uris, self.folder / name
        told = {**self.record.config["trainer"], "strategy": strategy, "cluster": CLUSTER, "tensorboard": False}
        arguments = {
            "train_files": [f"{split_folder(uris['ExamplesWindow']['examples'], TRAIN)}/*"],
            "eval_files": [f"{split_folder(uris['ExamplesWindow']['examples'], EVAL)}/*"],
            "transform_output": uris["Transform"]["transform_graph"],
            "serving_model_dir": str(run / "model/Format-Serving"),
            "model_run_dir": str(run / "model_run"),
            "base_model": None,
            "custom_config": {
                "declaration": json.dumps(self.record.declaration),
                "settings": json.dumps({**told, **settings}),
                "checkpoint": str(run / "checkpoint"),
            },
        }
        history = train(run, arguments, kill)
        return {**history, "auc": self._auc(arguments["serving_model_dir"])}

    def _auc(self, model: str) -> float:
        from scenerank.components.scoring import Scorer, read_serialized
        from scenerank.components.storage import expand
        from scenerank.schemas import Declaration

        import tensorflow as tf  # isort: skip
        import tf_keras as keras  # isort: skip

        from scenerank.components.transform.raw import target_spec

        declaration, score = Declaration.model_validate(self.record.declaration), Scorer(model)
        spec = {declaration.label.name: target_spec(declaration)[declaration.label.name]}
        auc = keras.metrics.AUC(num_thresholds=4096)
        for file in expand([f"{split_folder(self.record.uris['ExamplesWindow']['examples'], EVAL)}/*"]):
            for batch in read_serialized(file, 8192):
                auc.update_state(tf.io.parse_example(tf.constant(batch), spec)[declaration.label.name], score(batch))
        return float(np.asarray(auc.result()))
