"""All models, by name."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from models.base import RankingModel
from models.sar_net import SARNet
from models.settings import ModelSettings
from schemas.features import FeatureSet


@dataclasses.dataclass(frozen=True)
class Entry:
    """One model.

    Attributes:
      name: how configurations call it.
      paper: where it was published.
      model: its class; `model.settings_class` are its settings.
      needs: what a feature set must have: `history`, `trigger`.
    """

    name: str
    paper: str
    model: type[RankingModel]
    needs: tuple[str, ...] = ()

    @property
    def settings(self) -> type[ModelSettings]:
        return self.model.settings_class


MODELS: dict[str, Entry] = {
    entry.name: entry
    for entry in (Entry("sar_net", "Shen et al., SAR-Net: A Scenario-Aware Ranking Network, CIKM 2021", SARNet),)
}


def _entry(name: str) -> Entry:
    if name not in MODELS:
        raise ValueError(f"no model {name!r}: choose one of {', '.join(MODELS)}")
    return MODELS[name]


def settings_class(name: str) -> type[ModelSettings]:
    """The settings of a model.

    Raises:
      ValueError: no such model.
    """
    return _entry(name).settings


def build_model(
    name: str, features: FeatureSet, settings: Mapping[str, Any] | ModelSettings | None = None
) -> RankingModel:
    """A model with all its weights.

    Args:
      name: a key of `MODELS`.
      features: its inputs.
      settings: fields of `settings_class(name)`; the paper's values for the rest.

    Raises:
      ValueError: no such model, or inputs that lack what it needs.
      pydantic.ValidationError: settings that it does not know or that are out of range.
    """
    entry = _entry(name)
    has = {"history": features.history_length > 0, "trigger": bool(features.group("trigger"))}
    for need in entry.needs:
        if not has[need]:
            raise ValueError(f"model {name!r} needs a {need}, which the declaration does not have")
    model = entry.model(features, settings)
    model.build_weights()
    return model
