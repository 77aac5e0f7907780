"""Layers in NumPy, to compute equations with."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def softmax(x: np.ndarray, axis: int = -1) -> np.ndarray:
    exponents = np.exp(x - x.max(axis, keepdims=True))
    return exponents / exponents.sum(axis, keepdims=True)


def dense(layer: object, x: np.ndarray, activation: Callable[[np.ndarray], np.ndarray] = lambda x: x) -> np.ndarray:
    """A built Keras Dense, with or without its bias."""
    weights = [weight.numpy() for weight in layer.weights]
    return activation(x @ weights[0] + (weights[1] if len(weights) > 1 else 0))


def mlp(network: object, x: np.ndarray) -> np.ndarray:
    """A built `models.layers.mlp.MLP` with ReLU and without normalisation."""
    for layer in network.dense:
        x = dense(layer, x, relu)
    return x if network.last is None else dense(network.last, x)
