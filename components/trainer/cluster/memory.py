"""What a model's weights need, known before anything is allocated."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import tensorflow as tf

from scenerank.components.trainer.loop.strategies import PARAMETER_SERVER, partitioner
from scenerank.components.trainer.settings import TrainerSettings
from scenerank.errors import CapacityError
from scenerank.models.registry import build_model
from scenerank.models.training import training_model
from scenerank.schemas.features import FeatureSet

MOMENTS = 2
"""Adam keeps two values beside each trainable one."""
PEAK = 2.25
"""What a server takes at most over what it holds, while weights are made, fetched and saved (measured)."""


@dataclasses.dataclass(frozen=True)
class Weight:
    """A weight of the training model.

    Attributes:
      name: the variable's.
      shape: of the whole.
      bytes: of the whole, the optimizer's moments left out.
      moments: bytes of these.
      parts: over how many servers it is spread.
    """

    name: str
    shape: tuple[int, ...]
    bytes: int
    moments: int
    parts: int


def planned(settings: TrainerSettings, features: FeatureSet) -> list[Weight]:
    """All weights of the training model, largest first; the model is built as a graph that is never run.

    Raises:
      ValueError: see `models.registry.build_model`.
    """
    with tf.Graph().as_default():
        training = training_model(build_model(settings.model, features, settings.model_settings), settings.debias)
        embedding = training.serving.settings.embedding
        split = partitioner(features, embedding, settings.cluster.servers, settings.cluster.min_shard_mb * 2**20)
        found = []
        for weight in training.weights:
            size = weight.shape.num_elements() * weight.dtype.size
            found.append(
                Weight(
                    name=weight.name.removesuffix(":0"),
                    shape=tuple(weight.shape),
                    bytes=size,
                    moments=MOMENTS * size if weight.trainable else 0,
                    parts=max(split(weight.shape, weight.dtype), default=1),
                )
            )
    return sorted(found, key=lambda weight: -weight.bytes)


def per_server(weights: Sequence[Weight], servers: int) -> int:
    """Bytes, moments and all, that the fullest of the servers holds: parts and whole weights go round the servers."""
    loads = [0.0] * servers
    for weight in weights:
        share = (weight.bytes + weight.moments) / weight.parts
        for _ in range(weight.parts):
            loads[loads.index(min(loads))] += share
    return int(max(loads))


def on_a_worker(weights: Sequence[Weight], settings: TrainerSettings) -> int:
    """Bytes of weights and moments that a process that learns holds: none of its own beside parameter servers."""
    if settings.strategy == PARAMETER_SERVER:
        return 0
    return sum(weight.bytes + weight.moments for weight in weights)


def check_servers(settings: TrainerSettings, features: FeatureSet) -> None:
    """Raises: CapacityError: a server would need more than `cluster.server_memory_mb`."""
    limit, servers = settings.cluster.server_memory_mb, settings.cluster.servers
    if limit is None:
        return
    weights = planned(settings, features)
    needed = PEAK * per_server(weights, servers) / 2**20
    if needed > limit:
        largest = weights[0]
        raise CapacityError(
            f"a parameter server would need up to {needed:,.0f} MiB, more than trainer.cluster.server_memory_mb "
            f"({limit:,}): use more than {servers} trainer.cluster.servers, or shrink {largest.name} "
            f"({largest.bytes / 2**20:,.0f} MiB and the optimizer's moments) by its declared size, embedding.dim or "
            "embedding.compositional"
        )
