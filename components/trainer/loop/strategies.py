"""Distribution strategies, by the name that the settings give."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import tensorflow as tf

from scenerank.components.trainer.settings import TrainerSettings
from scenerank.models.layers.embedding import compositional_rows
from scenerank.models.settings import EmbeddingSettings
from scenerank.schemas.features import FeatureSet

MULTI_WORKER, PARAMETER_SERVER = "multi_worker", "parameter_server"
SEVERAL_PROCESSES = (MULTI_WORKER, PARAMETER_SERVER)
Partitioner = Callable[..., list[int]]


def in_step(settings: TrainerSettings) -> tf.distribute.Strategy:
    """The strategy of a process that trains alone or in step with others; to be made before anything else of
    TensorFlow runs."""
    if settings.strategy == "mirrored":
        devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        return tf.distribute.MirroredStrategy([device.name for device in devices])
    if settings.strategy == MULTI_WORKER:
        return tf.distribute.MultiWorkerMirroredStrategy()
    return tf.distribute.get_strategy()


def parameter_server(
    settings: TrainerSettings, features: FeatureSet, embedding: EmbeddingSettings
) -> tf.distribute.ParameterServerStrategy:
    """The strategy of a chief, in a process that `TF_CONFIG` names so; large embedding tables are spread over the
    servers, what is small stays whole."""
    resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
    servers = resolver.cluster_spec().num_tasks("ps")
    split = partitioner(features, embedding, servers, settings.cluster.min_shard_mb * 2**20)
    return tf.distribute.ParameterServerStrategy(resolver, variable_partitioner=split)


def partitioner(features: FeatureSet, embedding: EmbeddingSettings, servers: int, min_bytes: float) -> Partitioner:
    """Cuts embedding tables into parts of at least `min_bytes`, at most one a server.

    Every other weight stays whole, weights of single scenarios among them: layers address those by themselves.
    """
    rows = table_rows(features, embedding)

    def parts(shape: Sequence[int], dtype: tf.DType, **_: object) -> list[int]:
        dims = tf.TensorShape(shape).as_list()
        if len(dims) != 2 or dims[0] not in rows:
            return [1] * len(dims)
        return [shards(math.prod(dims) * dtype.size, dims[0], servers, min_bytes), 1]

    return parts


def shards(size: int, rows: int, servers: int, min_bytes: float) -> int:
    """Parts of a table of `size` bytes."""
    return max(1, min(servers, rows, int(size // max(min_bytes, 1))))


def table_rows(features: FeatureSet, embedding: EmbeddingSettings) -> set[int]:
    """Rows of the embedding tables that may be spread; the scenario's is not one of them."""
    scenario = features[features.scenario].table
    found = set()
    for feature in features.features:
        if feature.categorical and feature.table != scenario:
            remainders = embedding.compositional.get(feature.table)
            found |= set(compositional_rows(feature.size, remainders)) if remainders else {feature.size}
    return found
