"""RepeatNet (Ren et al., AAAI 2019) as a model of clicks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pydantic
import tensorflow as tf
import tf_keras as keras

from scenerank.models.base import RankingModel
from scenerank.models.baselines.deep import DeepSettings
from scenerank.models.layers.configured import ConfiguredLayer
from scenerank.models.layers.embedding import concatenate
from scenerank.models.layers.experts import SharedExperts
from scenerank.models.layers.fields import FieldEmbedding
from scenerank.models.layers.packing import at_behaviors, for_all_rows, packed_softmax, packed_sum
from scenerank.models.layers.padding import places
from scenerank.models.layers.repeats import UNKNOWN_ITEM, is_repeated
from scenerank.schemas.declaration import HISTORY_LENGTH


class RepeatNetSettings(DeepSettings):
    """RepeatNet's sizes.

    Attributes:
      hidden: width H of the encoder's and the attentions' hidden states.
    """

    hidden: int = pydantic.Field(default=64, ge=1)


@keras.utils.register_keras_serializable("scenerank")
class AdditiveAttention(ConfiguredLayer):
    """Weighs a row's states: `softmax_t(v^T tanh(W h_T + U h_t))`.

    Args:
      units: length of v.

    Call arguments:
      states: h, float `[N, H]`, packed (see `packing.Packed`).
      last: h_T, float `[B, H]`; `[1, H]` where rows share their states.
      rows, size: as in `Packed`.

    Returns:
      float32 `[N]`.
    """

    def __init__(self, units: int, **options: Any) -> None:
        super().__init__(**options)
        self.of_last = keras.layers.Dense(units, use_bias=False, name="of_last")
        self.of_state = keras.layers.Dense(units, use_bias=False, name="of_state")
        self.score = keras.layers.Dense(1, use_bias=False, name="score")

    def call(self, states: tf.Tensor, last: tf.Tensor, rows: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
        of_last = self.of_last(last)
        hidden = tf.tanh((of_last if rows is None else tf.gather(of_last, rows)) + self.of_state(states))
        return packed_softmax(self.score(hidden)[:, 0], rows, size)


@keras.utils.register_keras_serializable("scenerank")
class RepeatNet(RankingModel):
    """RepeatNet: does the user repeat or explore, and would it then be this item?

    A GRU encodes the behaviors, all their columns, to h_1 ... h_T. Mode: `p_r = sigmoid(w c)` with c the attended sum
    of the states, which is the paper's softmax over two modes. Repeat decoder: the attention's mass a on past events
    with the target item, which is the paper's probability of the item in repeat mode. Explore decoder: another attended
    sum c_e, read beside h_T. The paper gives each item a probability, of which the one mode's part is 0 for items
    in the history and the other's for all others. As a model of clicks that scores one item, the logit is
    `1[t in history] p_r s_r + 1[t not in history] (1 - p_r) s_e + b`, where s_r and s_e are DNNs over the fields,
    a, h_T and c_e. An item without a row of its own repeats nothing.
    """

    registered = "repeatnet"
    paper = "Ren et al., RepeatNet: A Repeat Aware Neural Recommendation Machine, AAAI 2019"
    settings_class = RepeatNetSettings
    settings: RepeatNetSettings
    needs = ("history",)

    def __init__(
        self, features: Any, settings: RepeatNetSettings | Mapping[str, Any] | None = None, **options: Any
    ) -> None:
        super().__init__(features, settings, **options)
        s, f = self.settings, self.features
        past = [b for b in f.group("behavior_item") if b.source == f.item]
        if not past:
            raise ValueError(f"model 'repeatnet' needs a history that holds {f.item!r}: declare it for behaviors, too")
        self.past_item = past[0]
        self.fields = FieldEmbedding(f, s.embedding, pooled=False, name="fields")
        self.encoder = keras.layers.RNN(keras.layers.GRUCell(s.hidden), return_sequences=True, name="encoder")
        self.mode_attention = AdditiveAttention(s.hidden, name="mode_attention")
        self.repeat_attention = AdditiveAttention(s.hidden, name="repeat_attention")
        self.explore_attention = AdditiveAttention(s.hidden, name="explore_attention")
        self.mode = keras.layers.Dense(1, use_bias=False, name="mode")
        self.scores = SharedExperts(
            2,
            s.units,
            outputs=1,
            activation=s.activation,
            dropout=s.dropout,
            l2=s.l2,
            normalize=s.normalize,
            name="scores",
        )
        self.bias = self.add_weight(
            name="bias", shape=(1,), initializer="zeros", dtype=tf.float32, experimental_autocast=False
        )

    def call(self, features: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        profile = concatenate(self.fields(features, training=training), self.fields.fields)
        packed, behaviors = self.fields.behaviors(features, training)
        rows, size = packed.rows, packed.size
        layout = places(packed.features[self.past_item.name], rows, size)
        vectors = layout.pad(concatenate(behaviors, self.fields.sequences))
        states = layout.unpad(self.encoder(vectors, mask=layout.mask, training=training))
        last = packed_sum(states, tf.cast(tf.equal(layout.recency, 0), tf.float32), rows, size)

        explored = packed_sum(states, self.explore_attention(states, last, rows, size), rows, size)
        moded = packed_sum(states, self.mode_attention(states, last, rows, size), rows, size)
        again = tf.sigmoid(tf.cast(self.mode(moded)[:, 0], tf.float32))

        item = tf.cast(features[self.features.item], tf.int64)
        items, count = packed.features[self.past_item.name], self.features[self.features.item].size
        repeated = is_repeated(features[self.past_item.name], features[HISTORY_LENGTH], item, count)
        same = tf.cast(tf.equal(at_behaviors(item, rows), items) & tf.not_equal(items, UNKNOWN_ITEM), tf.float32)
        shares = self.repeat_attention(states, last, rows, size)
        mass = packed_sum(tf.ones_like(states[:, :1], tf.float32), shares * same, rows, size)

        last, explored = for_all_rows(last, rows, profile), for_all_rows(explored, rows, profile)
        inputs = tf.concat([profile, tf.cast(mass, profile.dtype), last, explored], -1)
        scores = tf.cast(self.scores(inputs, training=training)[:, :, 0], tf.float32)
        return tf.where(repeated, again * scores[:, 0], (1.0 - again) * scores[:, 1]) + self.bias

    def output_biases(self) -> list[tf.Variable]:
        return [self.bias]
