"""What most models start from: one vector for every field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from scenerank.models.layers.configured import ConfiguredLayer
from scenerank.models.layers.embedding import FeatureEmbedding
from scenerank.models.layers.packing import Packed, for_all_rows, pack, packed_mean_weights, packed_sum
from scenerank.models.settings import EmbeddingSettings
from scenerank.schemas.declaration import HISTORY_LENGTH
from scenerank.schemas.features import Feature, FeatureGroup, FeatureSet

PROFILE: tuple[FeatureGroup, ...] = ("user", "item", "scenario", "context", "trigger")
BEHAVIORS: tuple[FeatureGroup, ...] = ("behavior_item", "behavior_scenario", "behavior")


@keras.utils.register_keras_serializable("scenerank")
class FieldEmbedding(ConfiguredLayer):
    """Embeds a batch by fields: a vector for each feature, the mean for a column of the history.

    Features are those of user, item, scenario, context and trigger; a mean is zero where the history is empty
    (Covington et al., RecSys 2016, average a user's past likewise).

    Args:
      features: the inputs.
      settings: see `EmbeddingSettings`.
      pooled: whether columns of behaviors are fields; a model that attends to them itself takes `behaviors`.
      groups: the groups whose features are embedded at all.

    Attributes:
      fields: the features that are fields, in their order.
      width: D, length of all fields' concatenation.

    Call arguments:
      inputs: tensors by feature name, see `RankingModel`.

    Returns:
      mapping from the name of each field to float `[B, width of the feature]`.

    Example:
      >>> user = Feature("user", "user", categorical=True, size=9, table="user", source="user")
      >>> item = Feature("item", "item", categorical=True, size=7, table="item", source="item")
      >>> page = Feature("page", "scenario", categorical=True, size=5, table="page", source="page")
      >>> features = FeatureSet((user, item, page), "page", "item", "user", 0)
      >>> embedding = FieldEmbedding(features, EmbeddingSettings(dim=4))
      >>> ids = tf.constant([1, 2])
      >>> {name: vector.shape for name, vector in embedding({"user": ids, "item": ids, "page": ids}).items()}
      {'user': TensorShape([2, 4]), 'item': TensorShape([2, 4]), 'page': TensorShape([2, 4])}
    """

    def __init__(
        self,
        features: FeatureSet | str,
        settings: EmbeddingSettings | Mapping[str, Any],
        *,
        pooled: bool = True,
        groups: Sequence[FeatureGroup] = (*PROFILE, *BEHAVIORS),
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.features = FeatureSet.from_json(features) if isinstance(features, str) else features
        self.settings = EmbeddingSettings.model_validate(settings)
        self.pooled, self.groups = pooled, tuple(groups)
        self.profile: tuple[Feature, ...] = self.features.group(*(g for g in PROFILE if g in self.groups))
        self.sequences: tuple[Feature, ...] = self.features.group(*(g for g in BEHAVIORS if g in self.groups))
        self.fields = (*self.profile, *(self.sequences if pooled else ()))
        scenario = self.features[self.features.scenario].table
        embedded = tuple(f for f in self.features.features if f.group in self.groups)
        self.embedding = FeatureEmbedding(embedded, self.settings, kept=(scenario,), name="embedding")

    @property
    def width(self) -> int:
        """D, length of all fields' concatenation."""
        return self.embedding.widths(self.fields)

    def behaviors(self, inputs: Mapping[str, tf.Tensor], training: bool = False) -> tuple[Packed, dict[str, tf.Tensor]]:
        """Embeds the real behaviors: ids and numbers, and vectors, float `[N, width of the feature]` by name."""
        packed = pack({f.name: inputs[f.name] for f in self.sequences}, inputs[HISTORY_LENGTH])
        return packed, self.embedding(packed.features, training=training)

    def call(self, inputs: Mapping[str, tf.Tensor], training: bool = False) -> dict[str, tf.Tensor]:
        embedded = self.embedding({f.name: inputs[f.name] for f in self.profile}, training=training)
        if self.pooled and self.sequences:
            packed, vectors = self.behaviors(inputs, training)
            together = tf.concat([vectors[f.name] for f in self.sequences], -1)
            weights = packed_mean_weights(together, packed.rows, packed.size)
            means = packed_sum(together, weights, packed.rows, packed.size)
            means = for_all_rows(means, packed.rows, inputs[self.features.item])
            widths = [self.embedding.width(f) for f in self.sequences]
            embedded |= {f.name: mean for f, mean in zip(self.sequences, tf.split(means, widths, -1))}
        return embedded


def stack(embedded: Mapping[str, tf.Tensor], fields: tuple[Feature, ...]) -> tf.Tensor:
    """Stacks fields of one width d as `[B, F, d]`, in the order of `fields`."""
    return tf.stack([embedded[f.name] for f in fields], 1)
