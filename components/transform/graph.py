"""The transform graph as a function of the columns that a model reads.

TFT saves a function of every raw column, the label among them. Here it is cut down to the features before
anything is built on it, so that nothing else can reach a served model.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import tensorflow as tf
import tensorflow_transform as tft

from scenerank.models.compat import cut_down


class TransformGraph(tf.Module):
    """Callable: raw columns in, features out (see `preprocessing_fn`).

    As a part of a module that is saved it brings its look-up tables along.

    Args:
      tft_output: output of Transform.
      columns: names of the raw columns that are fed.

    Raises:
      ValueError: a column is unknown to the graph.
    """

    def __init__(self, tft_output: tft.TFTransformOutput, columns: Iterable[str]):
        super().__init__()
        loaded = tf.saved_model.load(tft_output.transform_savedmodel_dir)
        self._resources = [loaded.resources, loaded.trackable_objects, loaded.assets, loaded.initializers]
        whole = loaded.transform_fn
        signature = whole.structured_input_signature
        count = len(tf.nest.flatten(signature, expand_composites=True))
        inputs = tf.nest.pack_sequence_as(signature, whole.inputs[:count], expand_composites=True)[0][0]
        missing = [name for name in columns if name not in inputs]
        if missing:
            raise ValueError(f"the transform graph was built without {', '.join(missing)}: run Transform again")
        self._columns = sorted(columns)
        self._structure = whole.structured_outputs
        self._pruned = cut_down(whole, self._flat(inputs), whole.outputs)
        self._shapes = [output.shape for output in whole.outputs]

    def _flat(self, columns: Mapping[str, tf.Tensor | tf.RaggedTensor]) -> list[tf.Tensor]:
        return tf.nest.flatten([columns[name] for name in self._columns], expand_composites=True)

    def __call__(self, columns: Mapping[str, tf.Tensor | tf.RaggedTensor]) -> dict[str, tf.Tensor | tf.RaggedTensor]:
        outputs = self._pruned(*self._flat(columns))
        for output, shape in zip(outputs, self._shapes):
            output.set_shape(shape)
        return tf.nest.pack_sequence_as(self._structure, outputs, expand_composites=True)
