"""What debiasing does at several strengths of promotion, as JSON, a drawing and a page."""

from __future__ import annotations

import json
import pathlib

import numpy as np

from components.report.debiasing import LINES, MEASURED, Results, draw, values

PLAIN = {
    "off": "neither",
    "on": "bias nets and weighting",
    "bias nets": "bias nets alone",
    "weighting": "weighting alone",
}
PAGE = """# Promotions and debiasing

Simulated platforms on which promotions give some pairs of item and scenario so many times their ordinary exposure
on top, whoever looks: 20 scenarios, 20,000 users, 2,000 items; 3 days of 50,000 impressions to train on, the second
and third with promotions, and a fourth day to rank. A first model, trained without debiasing, scores the days; its
scores give the Fairness Coefficients with which the others are trained, otherwise alike. AUC (unbiased) is taken on
the fourth day's requests with items drawn uniformly, AUC (logs) on its ordinary impressions. The exposure error is
the share of first places that would have to move between categories to match a ranking by the true click
probability. Differences are paired by seed, with their standard error. {seeds}

![AUC and exposure error against the strength of the promotions](debias.svg)

## Against the strength of the promotions

{by_strength}

## At strength {strength:g}, the parts alone and sub-sampling

Sub-sampling keeps only a share of the impressions of pairs under promotion, chosen by chance, and trains without
bias nets or weighting.

{parts}

Made by `make figures ONLY=debias_curve`; the numbers of every seed are in `components/report/debiasing.json`.
"""


def write(results: Results, strength: float, folder: pathlib.Path) -> None:
    """Writes the report's data, and `debias.svg` and `debias.md` into `folder`.

    Args:
      strength: the one whose results hold the ablations.
    """
    folder.mkdir(exist_ok=True)
    MEASURED.write_text(json.dumps({f"{s:g}": found for s, found in results.items()}, indent=1) + "\n")
    svg = draw(results).replace(
        "<svg ", '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" ', 1
    )
    (folder / "debias.svg").write_text(svg + "\n")
    rows = []
    for s, found in results.items():
        plain = [_mean(found, kind, name) for name in ("auc", "exposure_error") for kind, _, _ in LINES]
        rows.append([f"{s:g}", str(len(found)), *plain, _gain(found, "on", "auc"), _gain(found, "on", "logged_auc")])
    header = ["strength", "seeds", "AUC without", "AUC with", "exposure error without", "with"]
    by_strength = _table([*header, "gain in AUC (unbiased)", "gain in AUC (logs)"], rows)
    found = results[strength]
    rows = [
        [PLAIN.get(kind, kind), _mean(found, kind, "auc"), _gain(found, kind, "auc"), _mean(found, kind, "logged_auc"),
         _mean(found, kind, "exposure_error")]
        for kind in found[0]
    ]  # fmt: skip
    parts = _table(["trained with", "AUC (unbiased)", "gain", "AUC (logs)", "exposure error"], rows)
    counts = ", ".join(f"{len(found)} at strength {s:g}" for s, found in results.items())
    (folder / "debias.md").write_text(
        PAGE.format(seeds=f"Seeds: {counts}.", by_strength=by_strength, strength=strength, parts=parts)
    )


def _mean(found: list[dict[str, dict[str, float]]], kind: str, name: str) -> str:
    return f"{values(found, kind, name).mean():.4f}"


def _gain(found: list[dict[str, dict[str, float]]], kind: str, name: str) -> str:
    gains = values(found, kind, name) - values(found, "off", name)
    if not gains.any():
        return ""
    return f"{gains.mean():+.4f} ± {gains.std(ddof=1) / np.sqrt(len(gains)):.4f}"


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
