"""Layers in NumPy, to compute equations with: of built layers nothing is read but their weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from scenerank.schemas.features import FeatureSet

ORDER = ("user", "item", "scenario", "context", "trigger", "behavior_item", "behavior_scenario", "behavior")
"""Of the groups of fields."""


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


def vectors(embedding: object, features: FeatureSet, name: str, values: np.ndarray) -> np.ndarray:
    """A feature's values `[...]` by the tables of a built `FeatureEmbedding`: `[..., d]`."""
    feature = features[name]
    table = embedding.tables[feature.table].numpy()
    if feature.categorical:
        return table[values]
    offset = embedding.offsets[feature.table].numpy() if feature.table in embedding.offsets else 0
    return values[..., None] * table[0] + offset


def embedded(embedding: object, features: FeatureSet, batch: Mapping[str, object]) -> dict[str, np.ndarray]:
    """The fields `[B, d]` by name, in the order of their groups; a column of the history is its mean over real ones.

    Features that the layer has no table of are left out.
    """
    found = {}
    for feature in features.group(*ORDER):
        if feature.table not in embedding.tables:
            continue
        field = vectors(embedding, features, feature.name, np.asarray(batch[feature.name]))
        if feature.sequence:
            lengths = np.asarray(batch["history_length"])
            real = np.arange(field.shape[1]) < lengths[:, None]
            field = (field * real[..., None]).sum(1) / np.maximum(lengths, 1)[:, None]
        found[feature.name] = field
    return found


def joined(fields: Mapping[str, np.ndarray], *names: str) -> np.ndarray:
    """The named fields side by side; all of them without names."""
    return np.concatenate([fields[name] for name in (names or fields)], -1)


def normal(norm: object, values: np.ndarray, scenario: int | None = None) -> np.ndarray:
    """Batch normalisation by the moving moments, of the scenario if there is one."""
    variables = [v.numpy() for v in (norm.gamma, norm.beta, norm.moving_mean, norm.moving_variance)]
    gamma, beta, mean, variance = variables if scenario is None else [v[scenario] for v in variables]
    return gamma * (values - mean) / np.sqrt(variance + norm.epsilon) + beta


def shared_experts(layer: object, values: np.ndarray) -> np.ndarray:
    """A built `SharedExperts`, an expert at a time: `[B, E, outputs or units[-1]]`."""
    outputs = []
    for e in range(layer.experts):
        hidden = values
        for i, size in enumerate(layer.units):
            part = slice(e * size, (e + 1) * size)
            full = np.zeros((len(values), layer.experts * size), "f4")
            full[:, part] = hidden @ layer.kernels[i].numpy()[e]
            full = normal(layer.norms[i], full) if layer.normalize else full + layer.hidden_biases[i].numpy().ravel()
            hidden = relu(full[:, part])
        if layer.outputs:
            hidden = hidden @ layer.kernels[-1].numpy()[e] + (0 if layer.bias is None else layer.bias.numpy()[e])
        outputs.append(hidden)
    return np.stack(outputs, 1)


def specific_experts(layer: object, values: np.ndarray, scenario: np.ndarray) -> np.ndarray:
    """A built `ScenarioExperts`, a row at a time: `[B, E, outputs or units[-1]]`."""
    rows = []
    for s, value in zip(scenario, values):
        hidden = np.repeat(value[None], layer.experts, 0)
        for i, (own, size) in enumerate(zip(layer.dense, layer.units)):
            kernel = own.kernel.numpy()[s]
            product = hidden[0] @ kernel if i == 0 else np.einsum("ei,eio->eo", hidden, kernel)
            product = product if layer.normalize else product + own.bias.numpy()[s].reshape(product.shape)
            full = normal(layer.norms[i], product.reshape(-1), s) if layer.normalize else product
            hidden = relu(full).reshape(layer.experts, size)
        if layer.last is not None:
            hidden = np.einsum("ei,eio->eo", hidden, layer.last.kernel.numpy()[s]) + layer.last.bias.numpy()[s]
        rows.append(hidden)
    return np.stack(rows)


def tower(layer: object, state: np.ndarray, scenario: np.ndarray) -> np.ndarray:
    """A built `ScenarioMLP`: each row through the network of its scenario."""
    rows = []
    for s, hidden in zip(scenario, state):
        for own in layer.dense:
            hidden = relu(hidden @ own.kernel.numpy()[s] + own.bias.numpy()[s])
        if layer.last is not None:
            hidden = hidden @ layer.last.kernel.numpy()[s] + layer.last.bias.numpy()[s]
        rows.append(hidden)
    return np.stack(rows)


def psi(unit: object, keys: np.ndarray, query: np.ndarray, context: np.ndarray | None = None) -> np.ndarray:
    """A built `ActivationUnit`: keys `[N, D]` against one query `[D]`, the concatenation built: `[N]`."""
    query = np.broadcast_to(query, keys.shape)
    parts = [keys, query, keys - query, keys * query, *([] if context is None else [context])]
    hidden = relu(np.concatenate(parts, 1) @ unit.kernel.numpy() + unit.bias.numpy())
    for layer in unit.rest:
        hidden = dense(layer, hidden, relu)
    return dense(unit.score, hidden)[:, 0]
