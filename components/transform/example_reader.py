"""Examples on disk to batches of transformed features.

Records are batched first, then parsed and transformed a batch at a time. An element is
`(features, label, weight)`: features as the transform graph gives them (histories ragged) with
`fairness_coefficient` and the bias columns beside them, label and weight float32 `[B]`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import tensorflow as tf
import tensorflow_transform as tft

from scenerank.components.transform import raw
from scenerank.components.transform.graph import TransformGraph
from scenerank.components.transform.preprocessing import resolved_features
from scenerank.components.transform.rows import bias_rows
from scenerank.schemas import FAIRNESS, Declaration
from scenerank.schemas.features import FeatureSet

READ_BATCH = 4096
Element = tuple[dict[str, "tf.Tensor | tf.RaggedTensor"], tf.Tensor, tf.Tensor]


@dataclasses.dataclass(frozen=True, eq=False)
class ExampleReader:
    """How examples become elements; one transform graph, loaded once."""

    declaration: Declaration
    features: FeatureSet
    graph: TransformGraph

    @classmethod
    def of(cls, declaration: Declaration, transform_output: str) -> ExampleReader:
        """Reads Transform's output folder."""
        output = tft.TFTransformOutput(transform_output)
        graph = TransformGraph(output, raw.feature_spec(declaration))
        return cls(declaration, resolved_features(declaration, output), graph)

    def element(self, serialized: tf.Tensor) -> Element:
        """Parses and transforms a batch: string `[B]`."""
        spec, targets = raw.feature_spec(self.declaration), raw.target_spec(self.declaration)
        parsed = tf.io.parse_example(serialized, {**spec, **targets})
        features = self.graph({name: parsed[name] for name in spec})
        features[FAIRNESS] = parsed[FAIRNESS]
        features |= bias_rows(self.declaration, parsed)
        label = tf.cast(parsed[self.declaration.label.name], tf.float32)
        column = self.declaration.weight
        weight = tf.cast(parsed[column.name], tf.float32) if column else tf.ones_like(label)
        return features, label, weight

    def dense(self, features: dict[str, tf.Tensor | tf.RaggedTensor], label: tf.Tensor, weight: tf.Tensor) -> Element:
        """Pads the histories of an element; what a model is called with."""
        known = {name: features[name] for name in (FAIRNESS, *(column.name for column in self.features.bias))}
        return {**raw.densify(features, self.features), **known}, label, weight

    def records(self, files: Sequence[str]) -> tf.data.Dataset:
        """Serialized examples, file after file."""
        return tf.data.TFRecordDataset(list(files), compression_type="GZIP", buffer_size=2**20)
