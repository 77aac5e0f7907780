"""Mixtures of experts against NumPy."""

import numpy as np

from scenerank.models.layers.mixture import Mixture
from tests.models.conftest import shake


def test_mixture_weighs_experts_by_a_softmax_of_the_gates_input():
    random = np.random.default_rng(0)
    outputs, gate = random.normal(size=(5, 3, 4)).astype("f4"), random.normal(size=(5, 2)).astype("f4")
    layer = Mixture(3)
    layer(outputs, gate)
    shake(layer)
    exponents = np.exp(gate @ layer.dense.kernel.numpy())
    shares = exponents / exponents.sum(1, keepdims=True)
    np.testing.assert_allclose(layer(outputs, gate), (shares[:, :, None] * outputs).sum(1), rtol=1e-4, atol=1e-6)
    layer = Mixture(3, kernel_initializer="zeros")
    np.testing.assert_allclose(layer(outputs, gate), outputs.mean(1), rtol=1e-4, atol=1e-6)
