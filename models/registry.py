"""All models, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scenerank.models.base import RankingModel
from scenerank.models.baselines.adaptdhm import AdaptDHM
from scenerank.models.baselines.adasparse import AdaSparse
from scenerank.models.baselines.aesm2 import AESM2
from scenerank.models.baselines.apg import APG
from scenerank.models.baselines.autodis import AutoDisDNN
from scenerank.models.baselines.cgc import CGC
from scenerank.models.baselines.cross_stitch import CrossStitch
from scenerank.models.baselines.dcn_v2 import DCNV2
from scenerank.models.baselines.deepfm import DeepFM
from scenerank.models.baselines.dffm import DFFM
from scenerank.models.baselines.din import DIN
from scenerank.models.baselines.fibinet import FiBiNET
from scenerank.models.baselines.hard_sharing import HardSharing
from scenerank.models.baselines.mmoe import MMoE
from scenerank.models.baselines.mulann import MulANN
from scenerank.models.baselines.ncf import NCF
from scenerank.models.baselines.pepnet import PEPNet
from scenerank.models.baselines.ple import PLE
from scenerank.models.baselines.pnn import PNN
from scenerank.models.baselines.repeatnet import RepeatNet
from scenerank.models.baselines.revman import RevMan
from scenerank.models.baselines.shared_bottom import SharedBottom
from scenerank.models.baselines.star import STAR
from scenerank.models.baselines.wide_deep import WideDeep
from scenerank.models.hierrec import HierRec
from scenerank.models.maria import MARIA
from scenerank.models.musenet import MuseNet
from scenerank.models.sar_net import SARNet
from scenerank.models.settings import ModelSettings
from scenerank.models.sfpnet import SFPNet
from scenerank.schemas.features import FeatureSet

SCENARIO_MODELS: tuple[type[RankingModel], ...] = (SARNet, MARIA, SFPNet, MuseNet, HierRec)
"""The five published models that the product is about."""

BASELINES: tuple[type[RankingModel], ...] = (
    WideDeep,
    DeepFM,
    DCNV2,
    PNN,
    FiBiNET,
    NCF,
    DIN,
    HardSharing,
    SharedBottom,
    MMoE,
    CGC,
    PLE,
    AutoDisDNN,
    STAR,
    PEPNet,
    RevMan,
    AdaptDHM,
    APG,
    CrossStitch,
    MulANN,
    AdaSparse,
    AESM2,
    DFFM,
    RepeatNet,
)
"""The systems that they are compared with."""

MODELS: dict[str, type[RankingModel]] = {model.registered: model for model in (*SCENARIO_MODELS, *BASELINES)}


def model_class(name: str) -> type[RankingModel]:
    """Finds the class of a model.

    Raises:
      ValueError: no such model.
    """
    if name not in MODELS:
        raise ValueError(f"no model {name!r}: choose one of {', '.join(MODELS)}")
    return MODELS[name]


def settings_class(name: str) -> type[ModelSettings]:
    """Finds the settings of a model.

    Raises:
      ValueError: no such model.
    """
    return model_class(name).settings_class


def build_model(
    name: str, features: FeatureSet, settings: Mapping[str, Any] | ModelSettings | None = None
) -> RankingModel:
    """Builds a model with all its weights.

    Args:
      name: a key of `MODELS`.
      features: its inputs.
      settings: fields of `settings_class(name)`; the paper's values for the rest.

    Raises:
      ValueError: no such model, or inputs that lack what it needs.
      pydantic.ValidationError: settings that it does not know or that are out of range.
    """
    cls = model_class(name)
    has = {"history": features.history_length > 0, "trigger": bool(features.group("trigger"))}
    for need in cls.needs:
        if not has[need]:
            raise ValueError(f"model {name!r} needs a {need}, which the declaration does not have")
    model = cls(features, settings)
    model.build_weights()
    return model
