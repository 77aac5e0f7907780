"""What inference derives from weights alone, computed ahead."""

from __future__ import annotations

import tensorflow as tf


class Folding:
    """A part of a model that can compute ahead, for all scenarios, what its inference derives from weights alone.

    Subclasses give `constants` and, at inference, read `folded` where it is not None. The values are variables, so that
    a saved model holds them once however often it was traced, but no weights: nothing trains, counts or stores them.
    """

    _held: _Held | None = None

    def constants(self) -> tuple[tf.Tensor, ...]:
        """Computes the tensors, of the weights as they are."""
        raise NotImplementedError

    @property
    def folded(self) -> tuple[tf.Variable, ...] | None:
        """The tensors as they were when `fold` was called; None: they are computed in every call."""
        return None if self._held is None else self._held.variables


class _Held:
    """Keeps variables where Keras does not look for weights."""

    def __init__(self, tensors: tuple[tf.Tensor, ...]) -> None:
        self.variables = tuple(tf.Variable(tensor, trainable=False) for tensor in tensors)


def foldable(model: tf.Module) -> list[Folding]:
    """Lists a model and its layers, those that can be folded."""
    return [part for part in (model, *model.submodules) if isinstance(part, Folding)]


def fold(model: tf.Module) -> None:
    """Folds all that can be; later changes of weights do not reach inference until `unfold`."""
    for part in foldable(model):
        part._held = _Held(part.constants())


def unfold(model: tf.Module) -> None:
    """Takes `fold` back."""
    for part in foldable(model):
        part._held = None
