"""The first-order term of wide and factorised models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import models  # noqa: F401  isort: skip
import tensorflow as tf
import tf_keras as keras

from models.layers.embedding import concatenate
from models.layers.fields import FieldEmbedding
from models.settings import EmbeddingSettings
from schemas.features import FeatureSet


@keras.utils.register_keras_serializable("scenerank")
class LinearTerm(keras.layers.Layer):
    """`sum_i w_i x_i` over all one-hot encoded features: a number for every value of a categorical feature, `w * value`
    for a numeric one, the mean of the behaviors' numbers for a column of the history. It has no bias.

    Args:
      features: the inputs.
      settings: start of ids, their penalty and dropping; widths do not matter, and numbers start at w = 0: nothing
        but the data says which way they point.

    Call arguments:
      inputs: tensors by feature name, see `RankingModel`.

    Returns:
      float32 `[B]`.
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

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "features": self.features.to_json(),
            "settings": self.settings.model_dump(),
        }
