"""Features to vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from scenerank.models.layers.autodis import AutoDis
from scenerank.models.layers.configured import ConfiguredLayer
from scenerank.models.layers.unit_rows import UnitRows
from scenerank.models.settings import EmbeddingSettings
from scenerank.schemas.features import Feature


def compositional_rows(rows: int, remainders: int) -> tuple[int, int]:
    """Counts rows of the two tables that stand for one of `rows`: of remainders and of quotients."""
    remainders = min(remainders, rows)
    return remainders, -(-rows // remainders)


@keras.utils.register_keras_serializable("scenerank")
class FeatureEmbedding(ConfiguredLayer):
    """Embeds features, Eqs. 2-3 of SAR-Net; features of one table share its rows.

    A categorical feature is looked up in `[rows, d]`, or in the two tables that stand for it (`compositional`); an
    index beyond the table reads row 0 (unknown). A
    numeric one is `value * w + b` with vectors w, b of its table, or `value * w` with a number w. They start at 0:
    a value that is 0 in all of training, such as a rate on the first day, has no effect when it first varies in
    service. Or it is embedded by `AutoDis`, which has no such start. Gradients of tables are `IndexedSlices`.

    Args:
      features: what can be embedded.
      settings: widths, dropout and regularisation, see `EmbeddingSettings`.
      kept: names of tables whose look-ups are never dropped and have a penalty of their own (the scenario's).
      unit: names of tables whose rows start at unit length, see `UnitRows`.
      likeness: of their rows.

    Input: `inputs`, a mapping from feature name to a tensor of any shape `[...]`, int64 or float32; it may
    hold some of the features only, and other keys, which are ignored.
    Output: mapping from the names of those present to `[..., d]` in the compute dtype.

    Example:
      >>> page = Feature("page", "scenario", categorical=True, size=5, table="page", source="page")
      >>> embedding = FeatureEmbedding([page], EmbeddingSettings(dim=4))
      >>> embedding({"page": tf.constant([1, 4])})["page"].shape
      TensorShape([2, 4])
    """

    def __init__(
        self,
        features: Sequence[Feature | Mapping[str, Any]],
        settings: EmbeddingSettings | Mapping[str, Any],
        *,
        kept: Sequence[str] = (),
        unit: Sequence[str] = (),
        likeness: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.features = tuple(f if isinstance(f, Feature) else Feature(**f) for f in features)
        self.settings = EmbeddingSettings.model_validate(settings)
        self.kept, self.unit, self.likeness = tuple(kept), tuple(unit), likeness
        self.numeric_tables = list(dict.fromkeys(f.table for f in self.features if not f.categorical))
        known = {f.table for f in self.features}
        composable = {f.table for f in self.features if f.categorical} - set(self.kept)
        for key, allowed in (("dims", known), ("compositional", composable)):
            unknown = set(getattr(self.settings, key)) - allowed
            if unknown:
                raise ValueError(
                    f"embedding.{key} names {', '.join(sorted(unknown))}, which is no such table: "
                    f"use some of {', '.join(sorted(allowed))}"
                )
        self.autodis = None
        if self.settings.numeric == "autodis" and self.numeric_tables:
            wide = sorted(set(self.settings.dims) & set(self.numeric_tables))
            if wide:
                raise ValueError(
                    f"embedding.dims gives {', '.join(wide)} a width of its own, but AutoDis has one for all numbers: "
                    "leave it out, or set embedding.numeric to vector"
                )
            self.autodis = AutoDis(
                len(self.numeric_tables),
                self.settings.dim,
                **self.settings.autodis.model_dump(),
                initial_scale=self.settings.initial_scale,
                name="autodis",
            )

    def width(self, feature: Feature) -> int:
        """Length of the feature's vector."""
        if not feature.categorical and self.settings.numeric == "scalar":
            return 1
        return self.settings.dims.get(feature.table, self.settings.dim)

    def widths(self, features: Sequence[Feature]) -> int:
        """Length of the features' concatenation."""
        return sum(self.width(f) for f in features)

    def build(self, input_shape: Any = None) -> None:
        scale = self.settings.initial_scale
        self.tables: dict[str, tf.Variable] = {}
        self.offsets: dict[str, tf.Variable] = {}
        self.quotients: dict[str, tf.Variable] = {}
        for feature in self.features:
            width = self.width(feature)
            if feature.table in self.tables or (self.autodis is not None and not feature.categorical):
                continue
            start = UnitRows(self.likeness) if feature.table in self.unit else keras.initializers.RandomNormal(0, scale)
            numeric = keras.initializers.Constant(self.settings.numeric_start)
            if feature.table in self.settings.compositional:
                remainders, quotients = compositional_rows(feature.size, self.settings.compositional[feature.table])
                self.tables[feature.table] = self.add_weight(
                    name=f"remainder_{feature.table}",
                    shape=(remainders, width),
                    initializer=keras.initializers.RandomNormal(0, scale),
                )
                self.quotients[feature.table] = self.add_weight(
                    name=f"quotient_{feature.table}",
                    shape=(quotients, width),
                    initializer=keras.initializers.RandomNormal(1, scale),
                )
                continue
            self.tables[feature.table] = self.add_weight(
                name=f"table_{feature.table}",
                shape=(feature.size if feature.categorical else 1, width),
                initializer=start if feature.categorical else numeric,
            )
            if not feature.categorical and self.settings.numeric == "vector":
                self.offsets[feature.table] = self.add_weight(
                    name=f"offset_{feature.table}", shape=(width,), initializer="zeros"
                )
        super().build(input_shape)

    def row_tables(self) -> list[tuple[tf.Variable, str]]:
        """Weights whose rows are those of a table, with its name."""
        categorical = {f.table for f in self.features if f.categorical} - set(self.quotients)
        return [(variable, table) for table, variable in self.tables.items() if table in categorical]

    def _look_up(self, feature: Feature, ids: tf.Tensor, training: bool) -> tf.Tensor:
        ids = tf.where((ids >= 0) & (ids < feature.size), ids, 0)
        if training and self.settings.id_dropout and feature.table not in self.kept:
            ids = tf.where(tf.random.uniform(tf.shape(ids)) < self.settings.id_dropout, tf.zeros_like(ids), ids)
        # embedding_lookup, unlike gather, knows tables on several servers
        if feature.table in self.quotients:
            remainders = self.settings.compositional[feature.table]
            rows = tf.nn.embedding_lookup(self.tables[feature.table], ids % remainders)
            rows *= tf.nn.embedding_lookup(self.quotients[feature.table], ids // remainders)
        else:
            rows = tf.nn.embedding_lookup(self.tables[feature.table], ids)
        penalty = self.settings.scenario_l2 if feature.table in self.kept else self.settings.l2
        if training and penalty:
            squares = tf.reduce_sum(tf.square(tf.cast(rows, tf.float32)), -1)
            count = tf.cast(tf.maximum(tf.size(squares), 1), tf.float32)
            self.add_loss(penalty * tf.reduce_sum(squares) / count)
        return rows

    def _discretize(self, inputs: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """The vectors of all numbers: those of one shape are computed together."""
        found: dict[str, tf.Tensor] = {}
        for sequence in (False, True):
            present = [f for f in self.features if not f.categorical and f.sequence == sequence and f.name in inputs]
            if present and self.autodis is not None:
                values = tf.stack([tf.cast(inputs[f.name], self.compute_dtype) for f in present], -1)
                vectors = self.autodis(values, [self.numeric_tables.index(f.table) for f in present])
                found |= dict(zip((f.name for f in present), tf.unstack(vectors, len(present), -2)))
        return found

    def call(self, inputs: Mapping[str, tf.Tensor], training: bool = False) -> dict[str, tf.Tensor]:
        embedded = {}
        numbers = self._discretize(inputs) if self.autodis is not None else {}
        for feature in self.features:
            if feature.name not in inputs:
                continue
            value = tf.convert_to_tensor(inputs[feature.name])
            if feature.categorical:
                vector = self._look_up(feature, value, training)
            elif feature.name in numbers:
                vector = numbers[feature.name]
            else:
                vector = tf.cast(value, self.compute_dtype)[..., tf.newaxis]
                vector = vector * self.tables[feature.table][0]
                if self.settings.numeric == "vector":
                    vector += self.offsets[feature.table]
            if training and self.settings.dropout:
                vector = tf.nn.dropout(vector, self.settings.dropout)
            embedded[feature.name] = vector
        return embedded


def concatenate(embedded: Mapping[str, tf.Tensor], features: Sequence[Feature]) -> tf.Tensor:
    """Puts the features' vectors `[..., d]` side by side, in the order of `features`."""
    return tf.concat([embedded[f.name] for f in features], -1)
