"""Every switch that changes a model's graph: what conformance runs over beside the models as they are.

Switches with named values (`bool`, `Literal`) are read from the models' settings, rows of ablation tables from
`models.ablations`; others, and values that only mean something together, stand in `MORE`, a line each.
"""

from __future__ import annotations

import json
import typing
from typing import Any

import pydantic

from scenerank.models.ablations import ABLATIONS, parted
from scenerank.models.registry import MODELS, SCENARIO_MODELS
from scenerank.models.settings import ModelSettings
from scenerank.schemas.bias import DebiasSettings

Variant = tuple[str, dict[str, Any]]

MORE: list[Variant] = [
    *(("sar_net", {"attention": kind, "renormalize": True}) for kind in ("none", "target", "concatenated", "full")),
    ("sar_net", {"attention": "hierarchical", "renormalize": True, "behavior_value": "all"}),
    ("sar_net", {"specific_experts": 0}),
    ("sar_net", {"shared_experts": 0}),
    ("sar_net", {"extraction_layers": 2}),
    *((name, {"debias": {"nets": True}}) for name in MODELS),
    ("sar_net", {"debias": {"nets": True, "fusion": "multiply"}}),
    ("sar_net", {"debias": {"nets": True, "sharing": "one", "fusion": "multiply"}}),
    ("sar_net", {"debias": {"nets": True, "coefficient": False}}),
    ("sar_net", {"debias": {"nets": True, "units": [4, 4], "weighting": True}}),
    ("sar_net", {"debias": {"nets": True}, "shared_experts": 0}),
    ("sar_net", {"debias": {"nets": True}, "specific_experts": 0}),
    ("musenet", {"debias": {"nets": True, "fusion": "multiply"}}),
    ("maria", {"selecting": ["behaviors", "user", "item", "trigger", "context"], "refiners": 3}),
    ("maria", {"selecting": ["user", "item"], "gumbel": False}),
    ("maria", {"encoder_layers": 2, "scaling_units": [4], "selector_units": [4]}),
    ("musenet", {"scenarios": "hard", "repeat": False}),
    ("musenet", {"scenarios": "hard", "given_scenario": False}),
    ("musenet", {"scenarios": "predefined", "repeat": False}),
    ("hierrec", {"variant": "released", "heads": 2}),
    ("fibinet", {"interacting": "all", "embedding": {"numeric": "vector"}}),
    ("adasparse", {"sparsity_weight": [0.0, 0.0]}),
    *((name, {"embedding": {"numeric": "autodis"}}) for name in MODELS),
    *((model.registered, {"embedding": {"numeric": "vector"}}) for model in SCENARIO_MODELS),
    ("shared_bottom", {"embedding": {"compositional": {"item": 4}}}),
    ("wide_deep", {"embedding": {"compositional": {"item": 4, "user": 3}}}),
]


def switches() -> list[Variant]:
    """Each named value of each setting of each model that is not the model's own."""
    found = []
    for name, model in MODELS.items():
        for key, field in model.settings_class.model_fields.items():
            if key in ModelSettings.model_fields:
                continue
            values = (True, False) if field.annotation is bool else typing.get_args(field.annotation)
            if field.annotation is bool or typing.get_origin(field.annotation) is typing.Literal:
                found += [
                    (name, {key: value}) for value in values if value != field.default and _taken(name, key, value)
                ]
    return found


def _taken(name: str, key: str, value: Any) -> bool:
    """Whether the model knows the switch at all: some inherit one that they refuse."""
    try:
        MODELS[name].settings_class.model_validate({key: value})
    except pydantic.ValidationError:
        return False
    return True


def ablations() -> list[Variant]:
    """Rows of the ablation tables that change the model."""
    rows = [(name, row) for name, titles in ABLATIONS.items() for rows in titles.values() for row in rows.values()]
    changed = [(name, {k: v for k, v in row.items() if k != "over_exposed_share"}) for name, row in rows]
    return [(name, row) for name, row in changed if row]


def variants() -> dict[str, Variant]:
    """All of them by what to call them, each once."""
    found = {}
    for name, over in [*MORE, *switches(), *ablations()]:
        row, own = parted(over), MODELS[name].settings_class
        settings, debias = own.model_validate(row.settings), DebiasSettings.model_validate(row.debias or {})
        if (settings, debias) != (own(), DebiasSettings()):
            found.setdefault((name, settings.model_dump_json(), debias.model_dump_json()), (name, over))
    return {f"{name}-{_told(over)}": (name, over) for name, over in found.values()}


def _told(over: dict[str, Any], path: str = "") -> str:
    """The settings in a line: `attention=full,embedding.dim=4`."""
    parts = []
    for key, value in over.items():
        text = value if isinstance(value, str) else json.dumps(value, separators=("+", ":"))
        parts.append(_told(value, f"{key}.") if isinstance(value, dict) else f"{path}{key}={text}")
    return ",".join(parts)
