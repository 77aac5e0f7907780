"""A model ready to be trained."""

from __future__ import annotations

import tensorflow as tf
import tf_keras as keras

from scenerank.components.trainer.settings import IncrementalSettings, TrainerSettings
from scenerank.models.optimizers import build_optimizer
from scenerank.models.registry import build_model
from scenerank.models.settings import OptimizerSettings
from scenerank.models.training import TrainingModel, training_model
from scenerank.schemas.features import FeatureSet


def start_afresh(settings: TrainerSettings) -> None:
    """Forgets earlier models of the process and seeds whatever is random in what follows."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(settings.seed)
    if settings.deterministic:
        tf.config.experimental.enable_op_determinism()


def compile_training(training: TrainingModel, steps: int, incremental: IncrementalSettings | None = None) -> None:
    """Gives the model its optimizer, where the model's own variables lie.

    Args:
      steps: in all.
      incremental: of a training that goes on from where another ended.
    """
    settings = training.serving.settings.optimizer
    if incremental is not None:
        settings = _going_on(settings, incremental)
    with training.distribute_strategy.scope():
        training.compile(optimizer=build_optimizer(settings, steps), weighted_metrics=[])


def _going_on(settings: OptimizerSettings, incremental: IncrementalSettings) -> OptimizerSettings:
    """The optimizer of an incremental training: the full one's steps have ended where its decay did."""
    tables = settings.table_learning_rate
    return settings.model_copy(
        update={
            "learning_rate": incremental.rate * settings.learning_rate,
            "table_learning_rate": tables and incremental.rate * tables,
            "decay": "constant",
            "warmup_steps": 0,
        }
    )


def build_training(settings: TrainerSettings, features: FeatureSet, click_rate: float) -> TrainingModel:
    """The model that the settings name, all weights created, predicting about `click_rate` for everything."""
    serving = build_model(settings.model, features, settings.model_settings)
    training = training_model(serving, settings.debias)
    serving.start_at(click_rate)
    return training
