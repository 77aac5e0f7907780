"""A model ready to be trained."""

from __future__ import annotations

import models  # noqa: F401  (legacy Keras has to be chosen before TensorFlow is imported)

import tensorflow as tf  # isort: skip
import tf_keras as keras

from components.trainer.settings import TrainerSettings
from models.optimizers import build_optimizer
from models.registry import build_model
from models.training import TrainingModel
from schemas.features import FeatureSet


def start_afresh(settings: TrainerSettings) -> None:
    """Forgets earlier models of the process and seeds whatever is random in what follows."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(settings.seed)
    if settings.deterministic:
        tf.config.experimental.enable_op_determinism()


def compile_training(training: TrainingModel, steps: int) -> None:
    """Gives the model its optimizer, for so many steps in all, where the model's own variables lie."""
    with training.distribute_strategy.scope():
        optimizer = build_optimizer(training.serving.settings.optimizer, steps)
        training.compile(optimizer=optimizer, weighted_metrics=[])
        optimizer.build(training.trainable_variables)  # created within the first step they would trace it twice


def build_training(settings: TrainerSettings, features: FeatureSet, click_rate: float) -> TrainingModel:
    """The model that the settings name, all weights created, predicting about `click_rate` for everything."""
    serving = build_model(settings.model, features, settings.model_settings)
    training = serving.training_model(settings.debias)
    serving.start_at(click_rate)
    return training
