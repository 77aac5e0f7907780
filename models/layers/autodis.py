"""Numbers to vectors by soft discretisation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from scenerank.models.layers.configured import ConfiguredLayer


@keras.utils.register_keras_serializable("scenerank")
class AutoDis(ConfiguredLayer):
    """Embeds numbers as a mean of their field's meta-embeddings (Guo et al., An Embedding Learning Framework for
    Numerical Features in CTR Prediction, KDD 2021).

    For a number x of field j: `h = leaky_relu(w_j x)`, scores `W_j h + skip * h`, a softmax of the scores over
    `temperature`, and the so weighted mean of the H meta-embeddings `ME_j`. All fields are computed at once.

    Args:
      fields: n, how many fields have weights here.
      width: d.
      meta_embeddings: H, the buckets of a field.
      temperature: the lower, the more a number falls into one bucket alone.
      skip: share of h that is added to the scores.
      initial_scale: standard deviation of the meta-embeddings before training.

    Call arguments:
      values: float `[..., m]`, one number for each of m fields.
      fields: which they are, m indices in `[0, n)`.

    Returns:
      `[..., m, d]` in the compute dtype; the softmax is float32.

    Example:
      >>> AutoDis(3, 4)(tf.ones([2, 2]), fields=[0, 2]).shape
      TensorShape([2, 2, 4])
    """

    def __init__(
        self,
        fields: int,
        width: int,
        *,
        meta_embeddings: int = 20,
        temperature: float = 0.1,
        skip: float = 0.5,
        initial_scale: float = 0.05,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.fields, self.width, self.meta_embeddings = fields, width, meta_embeddings
        self.temperature, self.skip, self.initial_scale = temperature, skip, initial_scale

    def build(self, input_shape: Any = None) -> None:
        n, buckets = self.fields, self.meta_embeddings
        limit = (3.0 / buckets) ** 0.5
        self.project = self.add_weight(
            name="project", shape=(n, buckets), initializer=keras.initializers.RandomNormal(0, 1)
        )
        self.mix = self.add_weight(
            name="mix", shape=(n, buckets, buckets), initializer=keras.initializers.RandomUniform(-limit, limit)
        )
        self.meta = self.add_weight(
            name="meta",
            shape=(n, buckets, self.width),
            initializer=keras.initializers.RandomNormal(0, self.initial_scale),
        )
        super().build(input_shape)

    def call(self, values: tf.Tensor, fields: Sequence[int]) -> tf.Tensor:
        project, mix, meta = (tf.gather(weight, list(fields)) for weight in (self.project, self.mix, self.meta))
        shape = tf.shape(values)
        flat = tf.reshape(values, [-1, len(fields), 1])  # einsum on CPU is wrong for some shapes of a leading "..."
        hidden = tf.nn.leaky_relu(flat * project)
        scores = tf.einsum("xmh,mhk->xmk", hidden, mix) + self.skip * hidden
        shares = tf.nn.softmax(tf.cast(scores, tf.float32) / self.temperature)
        vectors = tf.einsum("xmk,mkd->xmd", tf.cast(shares, meta.dtype), meta)
        return tf.reshape(vectors, tf.concat([shape, [self.width]], 0))
