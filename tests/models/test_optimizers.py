"""LazyAdam and the schedules."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from scenerank.models import optimizers
from scenerank.models.losses import weighted_cross_entropy
from scenerank.models.optimizers import LazyAdam, build_optimizer
from scenerank.models.settings import OptimizerSettings


def gradients(steps, shape):
    random = np.random.default_rng(0)
    return [random.normal(size=shape).astype("f4") for _ in range(steps)]


def run(optimizer, updates, shape):
    variable = tf.Variable(tf.ones(shape))
    optimizer.build([variable])
    for update in updates:
        optimizer.apply_gradients([(update, variable)])
    return variable.numpy()


@pytest.mark.parametrize("width", [3, 2000])
def test_lazy_adam_is_adam_where_every_row_is_looked_up(width, monkeypatch):
    monkeypatch.setattr(optimizers, "CACHED_ELEMENTS", 2 * 2000)
    shape = (5, width)
    dense = gradients(4, shape)
    expected = run(keras.optimizers.Adam(0.01), dense, shape)
    np.testing.assert_allclose(run(LazyAdam(0.01), dense, shape), expected, rtol=1e-5)
    order = [3, 1, 4, 0, 2]
    sparse = [tf.IndexedSlices(g[order], order, shape) for g in dense]
    np.testing.assert_allclose(run(LazyAdam(0.01), sparse, shape), expected, rtol=1e-5)


@pytest.mark.parametrize("rows", [[3, 1, 4, 0], [4, 3, 2, 1, 0]])
def test_wide_tables_move_alike_whole_and_in_pieces(rows, monkeypatch):
    monkeypatch.setattr(optimizers, "CACHED_ELEMENTS", 2 * 2000)
    updates = [tf.IndexedSlices(g[rows], rows, (5, 2000)) for g in gradients(4, (5, 2000))]
    found = []
    for mostly in (2.0, 0.5):
        monkeypatch.setattr(optimizers, "MOSTLY", mostly)
        optimizer = LazyAdam(0.01, table_learning_rate_factor=3.0)
        found.append([run(optimizer, updates, (5, 2000)), *(w.numpy() for w in optimizer.variables[1:])])
    for pieces, whole in zip(*found):
        np.testing.assert_allclose(whole, pieces, rtol=1e-5, atol=1e-7)


def test_lazy_adam_leaves_other_rows_and_their_moments_alone():
    updates = [tf.IndexedSlices(tf.ones((2, 1)), [1, 1], (3, 1)), tf.IndexedSlices(tf.ones((1, 1)), [2], (3, 1))]
    optimizer = LazyAdam(0.01)
    values = run(optimizer, updates, (3, 1))
    once = run(LazyAdam(0.01), updates[:1], (3, 1))
    assert values[0] == 1 and values[1] == once[1] < 1 and values[2] < 1
    np.testing.assert_allclose(optimizer.variables[1].numpy()[:, 0], [0, 0.2, 0.1], rtol=1e-5)


def test_tables_may_have_a_step_size_of_their_own():
    updates = [tf.IndexedSlices(tf.ones((1, 1)), [0], (2, 1))]
    optimizer = build_optimizer(OptimizerSettings(learning_rate=0.01, table_learning_rate=0.001))
    np.testing.assert_allclose(run(optimizer, updates, (2, 1))[:, 0], [0.999, 1], rtol=1e-5)
    np.testing.assert_allclose(run(optimizer.from_config(optimizer.get_config()), updates, (2, 1))[0], 0.999, rtol=1e-5)


@pytest.mark.parametrize(
    ("settings", "rates"),
    [
        ({}, (1, 1, 1)),
        ({"decay": "linear", "final_fraction": 0.1}, (1, 0.55, 0.1)),
        ({"decay": "cosine", "final_fraction": 0}, (1, 0.5, 0)),
        ({"decay": "exponential", "decay_rate": 0.25}, (1, 0.5, 0.25)),
        ({"warmup_steps": 4}, (0.25, 1, 1)),
        ({"decay": "linear", "decay_steps": 50, "final_fraction": 0}, (1, 0, 0)),
    ],
)
def test_schedules(settings, rates):
    optimizer = build_optimizer(OptimizerSettings(learning_rate=1.0, **settings), total_steps=100)
    for step, rate in zip((0, 50, 100), rates):
        optimizer.iterations.assign(step)
        optimizer._compute_current_learning_rate()
        np.testing.assert_allclose(optimizer.learning_rate, rate, rtol=1e-4, atol=1e-7)
    assert optimizer.from_config(optimizer.get_config()).get_config() == optimizer.get_config()


def test_a_decay_needs_to_know_how_long():
    with pytest.raises(ValueError, match="optimizer.decay_steps"):
        build_optimizer(OptimizerSettings(decay="cosine"))


def test_options_without_a_lazy_form_are_refused():
    with pytest.raises(ValueError, match="LazyAdam has no amsgrad"):
        LazyAdam(amsgrad=True)


def test_loss_is_the_weighted_mean():
    random = np.random.default_rng(0)
    labels, logits, weights = random.integers(0, 2, 9).astype("f4"), random.normal(size=9), random.random(9)
    p = 1 / (1 + np.exp(-logits))
    losses = -labels * np.log(p) - (1 - labels) * np.log(1 - p)
    np.testing.assert_allclose(
        weighted_cross_entropy(labels, logits, weights), (losses * weights).sum() / weights.sum(), rtol=1e-5
    )
    assert weighted_cross_entropy(labels, logits, 0 * weights) == 0
