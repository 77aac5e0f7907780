"""What TensorFlow and Keras keep to themselves and is used all the same: here and nowhere else.

Each use says why no public function would do. A release that changes one of these breaks this file alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras
from tensorflow.python.autograph.core import config as autograph
from tensorflow.python.distribute.sharded_variable import ShardedVariable
from tensorflow.python.eager import wrap_function

KERAS = "tf_keras"


def leave_keras_unconverted() -> None:
    """Puts a rule at the head of autograph's list that leaves `tf_keras` alone; layers of ours are still converted.

    Autograph would convert all of that package on the first call (30 s instead of 2 s), and only single functions can
    be kept from it publicly.
    """
    if not any(getattr(rule, "_prefix", None) == KERAS for rule in autograph.CONVERSION_RULES):
        autograph.CONVERSION_RULES = (autograph.DoNotConvert(KERAS), *autograph.CONVERSION_RULES)


def shards_of(weight: tf.Variable | ShardedVariable) -> list[tf.Variable]:
    """Lists the variables that hold a weight's rows, in order: several where it lies on several parameter servers.

    The class of such a weight has no public name.
    """
    return list(weight.variables) if is_sharded(weight) else [weight]


def is_sharded(part: Any) -> bool:
    """Tells whether this is a table that lies on several parameter servers, see `shards_of`."""
    return isinstance(part, ShardedVariable)


def moments_of(optimizer: keras.optimizers.Adam, weight: tf.Variable) -> tuple[tf.Variable, tf.Variable]:
    """Finds the first and second moments that Keras' Adam keeps of a weight's gradients.

    The public list of an optimizer's variables does not say which of them belongs to which weight.
    """
    place = optimizer._index_dict[optimizer._var_key(weight)]
    return optimizer._momentums[place], optimizer._velocities[place]


class SparseAdam(keras.optimizers.Adam):
    """Adam whose subclasses say how a sparse gradient's rows become unique; Keras copies all of them, and asks nobody.

    Its public hook, `update_step`, comes after that.
    """

    def unique_rows(self, gradient: tf.IndexedSlices) -> tf.IndexedSlices:
        """Gives the gradient with each row once."""
        return super()._deduplicate_sparse_grad([gradient])[0]

    def _deduplicate_sparse_grad(self, grads: list[Any]) -> list[Any]:
        return [self.unique_rows(g) if isinstance(g, tf.IndexedSlices) else g for g in grads]


class TensorCallback(keras.callbacks.Callback):
    """A callback that is given metrics as tensors; others make Keras fetch them after every batch."""

    def __init__(self) -> None:
        super().__init__()
        self._supports_tf_logs = True


def let_fit_again(model: keras.Model) -> None:
    """Makes a model that `BackupAndRestore` was used on ready for another `fit`.

    The callback takes an attribute away that `fit` wants to find.
    """
    model._training_state = None


def cut_down(whole: Any, inputs: Sequence[tf.Tensor], outputs: Sequence[tf.Tensor]) -> Any:
    """Cuts a loaded function down to the part that computes outputs from inputs; resources stay the loaded ones.

    Publicly only functions loaded by TensorFlow 1's means can be cut down.

    Args:
      whole: a concrete function of a SavedModel.
      inputs, outputs: tensors of its graph.
    """
    function = wrap_function.WrappedFunction(whole.graph, wrap_function.VariableHolder(share_variables=True))
    return function.prune(list(inputs), list(outputs))
