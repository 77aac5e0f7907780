"""What MARIA can be told."""

from __future__ import annotations

from typing import Literal

import pydantic

from scenerank.models.settings import ModelSettings

Units = tuple[pydantic.PositiveInt, ...]
MARIAField = Literal["behaviors", "user", "item", "trigger", "context"]


class MARIASettings(ModelSettings):
    """MARIA's switches; the paper's values by default, but for its step size of 0.05, far from Adam's own.

    Attributes:
      scenario_dropout: see `ModelSettings`; trains the tower of the unknown scenario.
      behavior_columns: what the encoder reads of a behavior: `item`, its item columns (Eq. 2), or `all`: its
        scenario columns, its type and its age, too.
      encoder_layers, encoder_heads, encoder_head_width, encoder_units: see `TransformerEncoder` (Eq. 3).
      attention_units: see `ConcatAttention` (Eq. 6).
      scaling, scale, scaling_units: feature scaling, lambda and hidden layers, see `FeatureScaling`.
      refinement, refiners, refined_share, selector_units: feature refinement, see `FeatureRefinement`; refiners give
        `refined_share` times the numbers of their field.
      selecting: fields that have several refiners to choose from; the others have a single one each (the paper's
        settings on Ali-CCP). A choice keeps a row from most of what its field could say.
      refined: what gives `refined_share`: `all` refiners of a field together, or `each` of them.
      gumbel, temperature, temperature_warmup: how refiners are selected, see `FeatureRefinement`.
      correlation, correlation_width: feature correlation and d_r, see `FeatureCorrelation`.
      network_layer, experts, expert_units: the mixture of experts (Eqs. 16-17).
      tower_units: layers of each tower; the last is the length of h_f.
      shared_tower: whether there is the tower of all scenarios.
      scenario_start: how scenarios' vectors start: `alike` and `unit` at length 1, with dot products of 0.5 and of 0 on
        average (see `UnitRows`); `small` as all other embeddings do, and alpha (Eq. 21) with them at about nothing.
      coupling: alpha is the mean of `dot` products (Eq. 21), or of `cosine`s, which vectors that grow do not change.
      activation, dropout: of experts and towers; dropout: of the encoder, too.
    """

    scenario_dropout: float = pydantic.Field(default=0.02, ge=0, lt=1)
    behavior_columns: Literal["item", "all"] = "item"
    encoder_layers: int = pydantic.Field(default=1, ge=1)
    encoder_heads: int = pydantic.Field(default=2, ge=1)
    encoder_head_width: int = pydantic.Field(default=16, ge=1)
    encoder_units: int = pydantic.Field(default=64, ge=1)
    attention_units: Units = pydantic.Field(default=(64,), min_length=1)
    scaling: bool = True
    scale: float = pydantic.Field(default=2.0, gt=0)
    scaling_units: Units = ()
    refinement: bool = True
    refiners: int = pydantic.Field(default=2, ge=1)
    selecting: tuple[MARIAField, ...] = ("user",)
    refined_share: float = pydantic.Field(default=0.7, gt=0, le=1)
    refined: Literal["all", "each"] = "all"
    selector_units: Units = ()
    gumbel: bool = True
    temperature: float = pydantic.Field(default=0.01, gt=0)
    temperature_warmup: int = pydantic.Field(default=0, ge=0)
    correlation: bool = True
    correlation_width: int = pydantic.Field(default=10, ge=1)
    network_layer: bool = True
    experts: int = pydantic.Field(default=4, ge=1)
    expert_units: Units = pydantic.Field(default=(256, 256), min_length=1)
    tower_units: Units = pydantic.Field(default=(128, 64, 32), min_length=1)
    shared_tower: bool = True
    scenario_start: Literal["alike", "unit", "small"] = "alike"
    coupling: Literal["dot", "cosine"] = "dot"
    activation: str = "relu"
    dropout: float = pydantic.Field(default=0.0, ge=0, lt=1)
