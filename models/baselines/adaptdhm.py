"""AdaptDHM (Li et al., 2022)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pydantic
import tensorflow as tf
import tf_keras as keras

from scenerank.models.base import RankingModel
from scenerank.models.layers.embedding import concatenate
from scenerank.models.layers.fields import FieldEmbedding
from scenerank.models.layers.prototypes import Prototypes
from scenerank.models.layers.scenario_routing import route
from scenerank.models.layers.star_dense import StarDense, through
from scenerank.models.settings import ModelSettings


class AdaptDHMSettings(ModelSettings):
    """AdaptDHM's sizes; the widths are those of SFPNet's comparison.

    Attributes:
      clusters: K.
      rate: how far a step takes a cluster's centre towards the batch's mean of its samples.
      units: hidden layers of the networks.
      activation, dropout: of those.
    """

    clusters: int = pydantic.Field(default=3, ge=1)
    rate: float = pydantic.Field(default=0.1, gt=0, le=1)
    units: tuple[pydantic.PositiveInt, ...] = pydantic.Field(default=(256, 128, 64), min_length=1)
    activation: str = "relu"
    dropout: float = pydantic.Field(default=0.0, ge=0, lt=1)


@keras.utils.register_keras_serializable("scenerank")
class ClusterDense(StarDense):
    """A `StarDense` layer with clusters for scenarios: its weights follow no table."""

    def row_tables(self) -> list[tuple[tf.Variable, str]]:
        return []


@keras.utils.register_keras_serializable("scenerank")
class AdaptDHM(RankingModel):
    """AdaptDHM: samples are clustered by where their embeddings lie, and each goes through its cluster's network.

    Distribution adapter: a sample x, all fields side by side, belongs to the cluster whose centre is nearest
    (the coefficients are one-hot: each sample has one distribution). The centres are not learned by gradient: after a
    training step looked at them, they move by an exponential moving average to the mean of their samples, over all
    replicas (`Prototypes`): one routing iteration a batch, which goes on over the batches. They are saved with the
    model.
    Networks: a layer of cluster k is `x (W * W_k) + (b + b_k)`, the shared weights times its own, as in STAR. The
    cost of a row depends on neither K nor the number of scenarios, and a new scenario is served like any other.
    """

    registered = "adaptdhm"
    paper = "Li et al., AdaptDHM: Adaptive Distribution Hierarchical Model for Multi-Domain CTR Prediction, 2022"
    settings_class = AdaptDHMSettings
    settings: AdaptDHMSettings

    def __init__(
        self, features: Any, settings: AdaptDHMSettings | Mapping[str, Any] | None = None, **options: Any
    ) -> None:
        super().__init__(features, settings, **options)
        s = self.settings
        self.fields = FieldEmbedding(self.features, s.embedding, name="fields")
        self.centres = Prototypes(s.clusters, s.rate, scale=s.embedding.initial_scale, name="centres")
        self.layers_of_clusters = [
            ClusterDense(s.clusters, n, table="", l2=s.l2, name=f"layer_{i}") for i, n in enumerate((*s.units, 1))
        ]
        self.activate = keras.layers.Activation(s.activation)

    def cluster_of(self, vector: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Cluster of each sample, int64 `[B]`, by the centres as they are before the step moves them."""
        cluster = tf.argmax(self.centres(vector), 1)
        if training:
            self.centres.move(vector, tf.one_hot(cluster, self.settings.clusters))
        return cluster

    def call(self, features: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        vector = concatenate(self.fields(features, training=training), self.fields.fields)
        routes = route(self.cluster_of(vector, training), self.settings.clusters)
        blocks = routes.group(vector)
        layers = self.layers_of_clusters
        blocks = through(layers, blocks, routes, self.activate, self.settings.dropout, training)
        return tf.cast(routes.ungroup(blocks)[:, 0], tf.float32)

    def output_biases(self) -> list[tf.Variable]:
        return [self.layers_of_clusters[-1].shared_bias]
