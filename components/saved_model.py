"""SavedModels as they are loaded again: scored with, never run as Python."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from scenerank.errors import DataError, one_line


class Signature(Protocol):
    """A function of a SavedModel, of tensors by name.

    Attributes:
      structured_input_signature: nothing by position, and the specification of each tensor.
    """

    structured_input_signature: tuple[tuple[()], Mapping[str, Any]]

    def __call__(self, **inputs: Any) -> Mapping[str, Any]: ...


def load_signature(path: str, name: str) -> tuple[Any, Signature]:
    """A SavedModel, to be kept as long as its signature is called, and the signature.

    Only `saved_model.pb` and its variables are read. Keras archives and HDF5, whose layers may hold pickled code, are
    no SavedModels, whatever they are called.

    Raises:
      DataError: there is no SavedModel at the path, or none with that signature.
    """
    import tensorflow as tf
    from google.protobuf.message import DecodeError

    try:
        loaded = tf.saved_model.load(path)
        return loaded, loaded.signatures[name]
    except (OSError, KeyError, ValueError, TypeError, AttributeError, DecodeError, tf.errors.OpError) as error:
        raise DataError(
            f"{path} is no SavedModel with signature {name!r} ({one_line(error)}): put the version back that was "
            "pushed, or roll back to another"
        ) from None
