"""What an optimizer knows beside the weights: moments of their gradients, and how many steps it took."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from scenerank.models.base import named_weights
from scenerank.models.compat import moments_of
from scenerank.models.training import TrainingModel

STEPS = "steps"
MOMENTS = ("first", "second")


def optimizer_state(training: TrainingModel) -> dict[str, np.ndarray]:
    """`first/<weight>` and `second/<weight>`, as the weight, for every trainable weight of `models.base.named_weights`;
    `steps` int64 `[]`. Adam's and LazyAdam's; not of weights spread over parameter servers."""
    state = {name: variable.numpy() for name, variable in _moments(training).items()}
    return {**state, STEPS: np.asarray(training.optimizer.iterations.numpy())}


def restore_optimizer(training: TrainingModel, state: Mapping[str, np.ndarray]) -> None:
    """Sets what `optimizer_state` gives.

    Raises:
      KeyError: `state` lacks a moment.
    """
    for name, variable in _moments(training).items():
        variable.assign(state[name])
    training.optimizer.iterations.assign(state[STEPS])


def _moments(training: TrainingModel) -> dict[str, Any]:
    trainable = {id(variable) for variable in training.trainable_variables}
    found = {}
    for name, weight in named_weights(training).items():
        if id(weight) in trainable:
            for kind, moment in zip(MOMENTS, moments_of(training.optimizer, weight)):
                found[f"{kind}/{name}"] = moment
    return found
