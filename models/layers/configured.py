"""Layers whose configuration nobody writes."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping
from typing import Any

import pydantic
import tf_keras as keras

from scenerank.schemas.features import FeatureSet


class ConfiguredLayer(keras.layers.Layer):
    """A layer whose `get_config` is what its constructor was given.

    Attributes:
      given: the constructor's arguments by name, defaults among them, but for `name` and others that Keras keeps.

    Example:
      >>> class Scale(ConfiguredLayer):
      ...     def __init__(self, factor=2.0, **options):
      ...         super().__init__(**options)
      >>> Scale(3.0).get_config()["factor"]
      3.0
    """

    given: dict[str, Any]

    def __new__(cls, *args: Any, **options: Any) -> ConfiguredLayer:
        layer = super().__new__(cls, *args, **options)
        bound = inspect.signature(cls.__init__).bind_partial(layer, *args, **options)  # `__init__` says what is missing
        bound.apply_defaults()
        given = dict(list(bound.arguments.items())[1:])
        for name, parameter in bound.signature.parameters.items():
            if parameter.kind is parameter.VAR_KEYWORD:
                given |= given.pop(name)
        object.__setattr__(layer, "given", given)  # Keras would look for weights in it
        return layer

    def get_config(self) -> dict[str, Any]:
        return {**{name: plain(value) for name, value in self.given.items()}, **super().get_config()}


def plain(value: Any) -> Any:
    """An argument as JSON can hold it."""
    if isinstance(value, pydantic.BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, FeatureSet):
        return value.to_json()
    if isinstance(value, keras.initializers.Initializer):
        return keras.initializers.serialize(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    return {name: plain(part) for name, part in value.items()} if isinstance(value, Mapping) else value
