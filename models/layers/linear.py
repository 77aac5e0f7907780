"""The first-order term of wide and factorised models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tf_keras as keras

from scenerank.models.layers.configured import ConfiguredLayer
from scenerank.models.layers.embedding import concatenate
from scenerank.models.layers.fields import FieldEmbedding
from scenerank.models.settings import EmbeddingSettings
from scenerank.schemas.features import FeatureSet


@keras.utils.register_keras_serializable("scenerank")
class LinearTerm(ConfiguredLayer):
    """Adds up a number for every feature, `sum_i w_i x_i` with features one-hot encoded (Rendle, ICDM 2010, Eq. 1).

    A categorical feature has a number for every value, a numeric one `w * value`, a column of the history the mean of
    the behaviors' numbers. There is no bias.

    Args:
      features: the inputs.
      settings: start of ids, their penalty and dropping; widths do not matter, and numbers start at w = 0: nothing
        but the data says which way they point.

    Call arguments:
      inputs: tensors by feature name, see `RankingModel`.

    Returns:
      float32 `[B]`.

    Example:
      >>> from scenerank.schemas.features import Feature
      >>> page = Feature("page", "scenario", categorical=True, size=5, table="page", source="page")
      >>> term = LinearTerm(FeatureSet((page,), "page", "page", "page", 0), EmbeddingSettings())
      >>> term({"page": tf.constant([1, 4])}).shape
      TensorShape([2])
    """

    def __init__(
        self, features: FeatureSet | str, settings: EmbeddingSettings | Mapping[str, Any], **options: Any
    ) -> None:
        super().__init__(**options)
        self.features = FeatureSet.from_json(features) if isinstance(features, str) else features
        self.settings = EmbeddingSettings.model_validate(settings)
        single = {"dim": 1, "dims": {}, "numeric": "scalar", "numeric_start": 0.0, "dropout": 0.0}
        self.numbers = FieldEmbedding(self.features, self.settings.model_copy(update=single), name="numbers")

    def call(self, inputs: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        numbers = concatenate(self.numbers(inputs, training=training), self.numbers.fields)
        return tf.reduce_sum(tf.cast(numbers, tf.float32), -1)
