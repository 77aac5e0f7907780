"""The graphs of TFX components: a day's ingestion, a day's training, and both.

Everything a graph needs comes in by explicit date and URI; nothing here reads a disk or a clock. The day may be a
parameter that is only known when the graph runs.
"""

from __future__ import annotations

import json
from typing import NamedTuple

from tfx.components import StatisticsGen, Trainer, Transform
from tfx.components.example_validator.component import ExampleValidator
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.orchestration.data_types import RuntimeParameter
from tfx.proto import trainer_pb2
from tfx.types.channel import BaseChannel

from scenerank.components.anomaly_gate.component import AnomalyGate
from scenerank.components.blesser.component import Blesser
from scenerank.components.champion_model.component import ChampionModel
from scenerank.components.day_publisher.component import DayPublisher
from scenerank.components.evaluator.component import Evaluator
from scenerank.components.examples_window.component import ExamplesWindow
from scenerank.components.examples_window.folds import ALL
from scenerank.components.fairness_coefficient.component import FairnessCoefficient
from scenerank.components.log_example_gen.component import LogExampleGen
from scenerank.components.previous_statistics.component import PreviousStatistics
from scenerank.components.previous_statistics.drift import drift_config
from scenerank.components.previous_statistics.validator import DistributionValidator
from scenerank.components.profile_validator.component import ProfileValidator
from scenerank.components.pusher.component import Pusher
from scenerank.components.served_model.component import ServedModel
from scenerank.pipeline.config import Config

Day = str | RuntimeParameter


class Ingestion(NamedTuple):
    """Logs of a day -> published examples."""

    logs: BaseComponent
    statistics: BaseComponent
    previous: BaseComponent
    anomalies: BaseComponent
    drift: BaseComponent
    unusual: BaseComponent
    gate: BaseComponent
    fairness: BaseComponent
    publisher: BaseComponent


class Training(NamedTuple):
    """Published window -> candidate, evaluated, pushed if blessed."""

    window: BaseComponent
    transform: BaseComponent
    trainer: BaseComponent
    champion: BaseComponent
    evaluator: BaseComponent
    blesser: BaseComponent
    pusher: BaseComponent


CODE_VERSION = "0.1.0"
"""Part of the cache key of components whose code is passed by import path."""


def served_model(workspace: str, day: Day) -> BaseComponent:
    """What brings the model in service before `day`."""
    return ServedModel(workspace=workspace, day=day)


def ingestion(config: Config, workspace: str, day: Day, served: BaseChannel) -> Ingestion:
    """Logs of `day` -> published examples.

    Args:
      served: the model that scores the day for its Fairness Coefficients; an empty folder for none.
    """
    import tensorflow_data_validation as tfdv

    declared = config.declared
    declaration = declared.model_dump_json()
    logs = LogExampleGen(
        workspace=workspace,
        day=day,
        declaration=declaration,
        settings=config.ingest.model_dump_json(),
        recipe=json.dumps(config.recipe),
        marker=config.checks.require_marker,
    )
    statistics = StatisticsGen(
        examples=logs.outputs["examples"],
        schema=logs.outputs["schema"],
        stats_options=tfdv.StatsOptions(sample_rate=config.checks.statistics_sample_rate),
    )
    previous = PreviousStatistics(workspace=workspace, day=day, statistics=statistics.outputs["statistics"])
    anomalies = ExampleValidator(statistics=statistics.outputs["statistics"], schema=logs.outputs["schema"])
    drift = DistributionValidator(
        statistics=statistics.outputs["statistics"],
        baseline_statistics=previous.outputs["previous"],
        config=drift_config(declared, config.checks.drift_threshold),
        include_split_pairs=[("day", "day")],
    )
    unusual = ProfileValidator(profile=logs.outputs["profile"], workspace=workspace, limits=config.checks.limits)
    gate = AnomalyGate(
        anomalies=anomalies.outputs["anomalies"],
        drift=drift.outputs["anomalies"],
        findings=unusual.outputs["findings"],
        day=day,
        severity=config.checks.severity,
        accept=json.dumps(config.checks.accept),
    )
    fairness = FairnessCoefficient(
        examples=logs.outputs["examples"],
        model=served,
        workspace=workspace,
        day=day,
        declaration=declaration,
        settings=config.fairness.model_dump_json(exclude={"first_day"}),
    )
    fairness.add_upstream_node(gate)
    publisher = DayPublisher(
        workspace=workspace,
        day=day,
        examples=fairness.outputs["output"],
        statistics=statistics.outputs["statistics"],
        fairness=fairness.outputs["fairness"],
        quarantine=logs.outputs["quarantine"],
        verdict=gate.outputs["verdict"],
        profile=logs.outputs["profile"],
    )
    return Ingestion(logs, statistics, previous, anomalies, drift, unusual, gate, fairness, publisher)


def training(
    config: Config, workspace: str, day: Day, served: BaseChannel, after: BaseComponent | None = None, fold: int = ALL
) -> Training:
    """Published window -> candidate, evaluated on `day`, pushed if blessed.

    Args:
      served: the model to beat and to start from; an empty folder for none.
      after: what must have run before the window is read.
      fold: train on that half of the window's days alone, see `ExamplesWindow`.
    """
    declaration = config.declared.model_dump_json()
    window = ExamplesWindow(
        workspace=workspace,
        day=day,
        declaration=declaration,
        settings=config.window.model_dump_json(),
        ingest=config.ingest.model_dump_json(),
        recipe=json.dumps(config.recipe),
        fold=fold,
    )
    if after is not None:
        window.add_upstream_node(after)
    transform = Transform(
        examples=window.outputs["examples"],
        schema=window.outputs["schema"],
        preprocessing_fn="scenerank.components.transform.preprocessing.preprocessing_fn",
        custom_config={"declaration": declaration},
        materialize=False,
        disable_statistics=True,
    )
    trainer = Trainer(
        examples=window.outputs["examples"],
        transform_graph=transform.outputs["transform_graph"],
        schema=window.outputs["schema"],
        base_model=served,
        run_fn="scenerank.components.trainer.run.run_fn",
        train_args=trainer_pb2.TrainArgs(splits=["train"]),
        eval_args=trainer_pb2.EvalArgs(splits=["eval"]),
        custom_config={
            "declaration": declaration,
            "settings": config.trainer.model_dump_json(),
            "warmup_requests": config.pusher.warmup_requests,
            "code_version": CODE_VERSION,
            "checkpoint": f"{workspace}/tfx/checkpoint",
        },
    )
    champion = ChampionModel(workspace=workspace, day=day, days=config.evaluation.champion_days)
    evaluator = Evaluator(
        examples=window.outputs["examples"],
        model=trainer.outputs["model"],
        served=served,
        champion=champion.outputs["model"],
        declaration=declaration,
        settings=config.evaluation.model_dump_json(),
    )
    blesser = Blesser(evaluation=evaluator.outputs["evaluation"], settings=config.evaluation.model_dump_json())
    pusher = Pusher(
        model=trainer.outputs["model"],
        model_run=trainer.outputs["model_run"],
        blessing=blesser.outputs["blessing"],
        evaluation=evaluator.outputs["evaluation"],
        examples=window.outputs["examples"],
        workspace=workspace,
        day=day,
        name=config.declared.name,
        settings=config.pusher.model_dump_json(),
        lineage=json.dumps(
            {
                "code_version": CODE_VERSION,
                "config": config.recorded,
                "declaration": config.declared.model_dump(mode="json"),
            }
        ),
    )
    return Training(window, transform, trainer, champion, evaluator, blesser, pusher)
