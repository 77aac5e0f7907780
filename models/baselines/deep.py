"""The DNN that most systems end in."""

from __future__ import annotations

import pydantic

from scenerank.models.layers.mlp import MLP
from scenerank.models.settings import ModelSettings


class DeepSettings(ModelSettings):
    """A DNN's size; by default the one that SFPNet's comparison gives every system.

    Attributes:
      units: widths of the hidden layers, at least one.
      activation, dropout, normalize: of the hidden layers, see `MLP`.
    """

    units: tuple[pydantic.PositiveInt, ...] = pydantic.Field(default=(256, 128, 64), min_length=1)
    activation: str = "relu"
    dropout: float = pydantic.Field(default=0.0, ge=0, lt=1)
    normalize: bool = False


def deep_network(settings: DeepSettings, outputs: int | None = 1, name: str = "deep") -> MLP:
    """Makes the DNN of these settings."""
    s = settings
    return MLP(s.units, outputs, activation=s.activation, dropout=s.dropout, l2=s.l2, normalize=s.normalize, name=name)
