"""The ablation tables of the models' papers: what each row changes in the model's settings.

Two keys are no settings of the model. `debias`: fields of `DebiasSettings`, in place of the configuration's.
`over_exposed_share`: of the training rows that somebody intervened in only that share is trained on.
"""

from __future__ import annotations

from typing import Any, NamedTuple

Rows = dict[str, dict[str, Any]]
"""Settings over the model's own, by the row's name; an empty one is the model as it is."""

ABLATIONS: dict[str, dict[str, Rows]] = {
    "sar_net": {
        "Cross-scenario behavior extract (Table 4)": {
            "no attention": {"attention": "none"},
            "target item": {"attention": "target"},
            "scenario": {"attention": "scenario"},
            "concatenated query": {"attention": "concatenated"},
            "hierarchical": {"attention": "hierarchical"},
            "target item times scenario": {"attention": "full"},
        },
        "Debiasing (Table 5)": {
            "neither": {"debias": {}},
            "bias nets": {"debias": {"nets": True}},
            "bias nets that multiply": {"debias": {"nets": True, "fusion": "multiply"}},
            "one bias net": {"debias": {"nets": True, "sharing": "one"}},
            "weighting": {"debias": {"weighting": True}},
            "both": {"debias": {"nets": True, "weighting": True}},
            **{
                f"sub-sampling at {share:.0%}": {"debias": {}, "over_exposed_share": share}
                for share in (0.9, 0.8, 0.7, 0.6)
            },
        },
        "Scenario-specific transform (Table 6)": {
            "without": {"scenario_transform": False},
            **{f"{n} layers of experts": {"scenario_transform": False, "extraction_layers": n} for n in (2, 3, 4, 5)},
            "transform": {"scenario_transform": True},
        },
    },
    "maria": {
        "Modules (Table 3)": {
            "w/o shared tower": {"shared_tower": False},
            "w/o correlation": {"correlation": False},
            "w/o refinement": {"refinement": False},
            "w/o scaling": {"scaling": False},
            "w/o network layer": {"network_layer": False},
            "w/o Gumbel": {"gumbel": False},
            "MARIA": {},
        },
    },
    "sfpnet": {
        "Modules (Table 5)": {
            "w/o DAP": {"deviation": False},
            "w/o SAM": {"gate": False},
            "w/o RTM": {"residual": False},
            "w/o S-DNN": {"gated_prediction": False},
            "w/o STB": {"blocks": 0},
            "SFPNet": {},
        },
    },
    "musenet": {
        "Modules (Table 3)": {
            "w/o scenario learning": {"scenarios": "none"},
            "w/o repeat module": {"repeat": False},
            "w/o both": {"scenarios": "none", "repeat": False},
            "predefined scenarios": {"scenarios": "predefined"},
            "MuseNet hard": {"scenarios": "hard"},
            "MuseNet hard w/o repeat module": {"scenarios": "hard", "repeat": False},
            "MuseNet soft": {"scenarios": "soft"},
        },
        "Divergence (Eq. 12)": {
            "of every row, the paper's text": {"divergence": "row"},
            "of the batch's mean share": {"divergence": "mean"},
        },
    },
    "hierrec": {
        "Modules (Fig. 3)": {
            "w/o multi-head": {"heads": 1},
            "w/o implicit": {"implicit": False},
            "w/o explicit": {"explicit": False},
            "HierRec": {},
        },
        "Heads": {f"G = {heads}": {"heads": heads} for heads in (1, 2, 4, 8)},
        "Variant": {"the paper's text": {"variant": "paper"}, "the released code": {"variant": "released"}},
    },
}


class Row(NamedTuple):
    """Row of an ablation table: settings of the model that it changes; the two others if it names them, else None."""

    settings: dict[str, Any]
    debias: dict[str, Any] | None
    over_exposed_share: float | None


def parted(row: dict[str, Any]) -> Row:
    """Tells a row's settings of the model from what is none of it."""
    settings = {key: value for key, value in row.items() if key not in ("debias", "over_exposed_share")}
    return Row(settings, row.get("debias"), row.get("over_exposed_share"))
