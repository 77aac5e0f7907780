"""What every registered model must do when it is trained and saved; a model is tested by being registered."""

from __future__ import annotations

import functools
import json

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from sklearn.metrics import roc_auc_score

from scenerank.models.base import input_signature, named_weights
from scenerank.models.losses import weighted_cross_entropy
from scenerank.models.optimizers import build_optimizer
from scenerank.models.registry import MODELS, build_model
from scenerank.models.training import TrainingModel, training_model
from tests.models.conftest import random_batch, shake, small_features
from tests.models.helpers import LineServer

pytestmark = pytest.mark.slow
RATE = 0.005
CALM = {"aesm2": 0.003, "apg": 0.003, "mulann": 0.003}
"""Step sizes of models that write their own weights, choose experts or have an adversary: larger ones diverge."""
FEATURES = small_features()
every_model = pytest.mark.parametrize("name", MODELS)


def compiled(name: str, eager: bool = True) -> TrainingModel:
    keras.utils.set_random_seed(3)
    optimizer = {"learning_rate": CALM.get(name, RATE)}
    model = build_model(name, FEATURES, {"embedding": {"dim": 8}, "optimizer": optimizer})
    training = training_model(model)
    training.compile(optimizer=build_optimizer(model.settings.optimizer, 1000), run_eagerly=eager)
    return training


def repeated(rows: int, steps: int) -> tf.data.Dataset:
    return tf.data.Dataset.from_tensors(random_batch(FEATURES, rows)).repeat(steps)


@every_model
def test_every_weight_gets_a_finite_gradient(name):
    training = compiled(name)
    shake(training)
    weights = {key: weight for key, weight in named_weights(training).items() if weight.trainable}
    seen = dict.fromkeys(weights, 0.0)
    for seed in range(4):
        batch, labels, _ = random_batch(FEATURES, 64, seed=seed)
        with tf.GradientTape() as tape:
            logits, losses, watched = training.forward(batch)
            loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels, logits))
            loss += sum(tf.reduce_mean(values) for values in losses.values())
        assert losses.keys() == set(training.auxiliary) and watched.keys() == set(training.watched)
        for key, gradient in zip(weights, tape.gradient(loss, list(weights.values()))):
            assert gradient is not None, key
            values = gradient.values if isinstance(gradient, tf.IndexedSlices) else gradient
            assert np.isfinite(values).all(), key
            seen[key] = max(seen[key], float(np.abs(values).max()))
    assert not [key for key in weights if seen[key] < 1e-9]


@functools.cache
def learnt(name: str) -> tuple[TrainingModel, float]:
    """A model that took 120 steps on the same 100 rows, and its loss on them before that."""
    training = compiled(name, eager=False)
    before = judged(training)[0]
    training.fit(repeated(100, 120), verbose=0)
    return training, before


def judged(training: TrainingModel) -> tuple[float, float]:
    """Loss and AUC of the serving model on the rows that are learnt."""
    batch, labels, weights = random_batch(FEATURES, 100)
    logits = training.serving(batch)
    return float(weighted_cross_entropy(labels, logits, weights)), roc_auc_score(labels, logits)


@every_model
def test_a_hundred_rows_are_learnt_by_heart(name):
    training, before = learnt(name)
    after, auc = judged(training)
    assert after < 0.1 < before and auc > 0.99


@every_model
def test_same_seed_same_weights(name):
    def run():
        training = compiled(name)
        training.fit(repeated(64, 2), verbose=0)
        return {key: weight.numpy() for key, weight in named_weights(training).items()}

    first, second = run(), run()
    assert first.keys() == second.keys()
    for key in first:
        np.testing.assert_array_equal(first[key], second[key], err_msg=key)


@every_model
def test_bfloat16_trains(name):
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        training = compiled(name)
        first, _ = judged(training)
        training.fit(repeated(100, 6), verbose=0)
        logits = training.serving(random_batch(FEATURES)[0])
        assert logits.dtype == tf.float32 and np.isfinite(logits).all()
        assert all(weight.dtype == tf.float32 for weight in training.trainable_weights)
        assert judged(training)[0] < first
    finally:
        keras.mixed_precision.set_global_policy("float32")


@pytest.fixture(scope="module")
def stranger():
    """A process that has TensorFlow and none of the project: told a folder, it calls the model saved there."""
    with LineServer("call_saved.py", isolated=True) as server:
        yield server


@every_model
def test_saved_model_needs_nothing_of_ours(name, stranger, tmp_path):
    training, _ = learnt(name)  # which moved what is not trained by gradients, too
    serving = training.serving
    signature = input_signature(FEATURES)
    score = tf.function(lambda features: serving(features, training=False), input_signature=[signature])
    saved = tf.Module()
    saved.score = score
    saved.variables_of_score = list(score.get_concrete_function().graph.variables)
    inside = {variable.ref() for variable in saved.variables_of_score}
    assert inside <= {weight.ref() for weight in serving.weights}, "a variable that is no weight of the serving model"
    only_training = [w for w in training.weights if w.ref() not in {s.ref() for s in serving.weights}]
    assert not inside & {weight.ref() for weight in only_training}
    tf.saved_model.save(saved, str(tmp_path))
    for rows, length in ((1, 1), (30, 9)):
        batch, _, _ = random_batch(FEATURES, rows, length)
        batch = {key: batch[key] for key in signature}
        np.savez(tmp_path / "batch.npz", **{key: value.numpy() for key, value in batch.items()})
        np.testing.assert_allclose(stranger.ask(str(tmp_path)), serving(batch), rtol=1e-5, atol=1e-5)


@pytest.fixture(scope="module")
def replicas():
    with LineServer("mirrored_step.py") as server:
        yield server


@every_model
def test_replicas_take_the_step_of_one_device(name, replicas):
    """Two replicas of half the rows each: the same weights, moving moments and prototypes after two steps."""
    differences = replicas.ask(json.dumps({"model": name}))
    assert differences and not {key: d for key, d in differences.items() if d > 1e-3}
