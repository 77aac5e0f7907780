"""What debiasing does at several strengths of promotion, as JSON, a drawing and a page."""

from __future__ import annotations

import json
import pathlib

import numpy as np
from matplotlib.figure import Figure as Canvas

from components.report import style
from tests.figures._debias import SHARES

Results = dict[float, list[dict[str, dict[str, float]]]]
"""By strength, what `compare` says of each seed."""

LINES = (("off", "without", style.SERVED), ("on", "bias nets and weighting", style.CANDIDATE))
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

Made by `make figures ONLY=debias_curve`; the numbers of every seed are in `debias.json`.
"""


def write(results: Results, strength: float, folder: pathlib.Path) -> None:
    """Writes `debias.json`, `debias.svg` and `debias.md`.

    Args:
      strength: the one whose results hold the ablations.
    """
    folder.mkdir(exist_ok=True)
    (folder / "debias.json").write_text(json.dumps({f"{s:g}": found for s, found in results.items()}, indent=1) + "\n")
    svg = style.draw("debias", (style.WIDE, 3.0), lambda canvas: _paint(canvas, results, strength))
    svg = svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" ', 1)
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


def _values(found: list[dict[str, dict[str, float]]], kind: str, name: str) -> np.ndarray:
    return np.array([one[kind][name] for one in found])


def _mean(found: list[dict[str, dict[str, float]]], kind: str, name: str) -> str:
    return f"{_values(found, kind, name).mean():.4f}"


def _gain(found: list[dict[str, dict[str, float]]], kind: str, name: str) -> str:
    gains = _values(found, kind, name) - _values(found, "off", name)
    if not gains.any():
        return ""
    return f"{gains.mean():+.4f} ± {gains.std(ddof=1) / np.sqrt(len(gains)):.4f}"


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _paint(canvas: Canvas, results: Results, strength: float) -> None:
    places = np.arange(len(results))
    at = list(results).index(strength)
    for axes, name, title in zip(
        canvas.subplots(1, 2), ("auc", "exposure_error"), ("AUC on unbiased impressions", "Exposure error by category")
    ):
        for kind, label, color in LINES:
            values = [_values(found, kind, name) for found in results.values()]
            errors = [v.std(ddof=1) / np.sqrt(len(v)) for v in values]
            axes.errorbar(
                places, [v.mean() for v in values], errors, color=color, marker="o", markersize=4, label=label
            )
        for share, shift in zip(SHARES, np.linspace(-0.18, 0.18, len(SHARES))):
            value = _values(results[strength], f"sub-sampling {share}", name).mean()
            label = "sub-sampling at " + ", ".join(f"{100 * s:.0f}" for s in SHARES) + " %"
            axes.plot(
                at + shift, value, marker="D", markersize=4, linestyle="", color=style.ALERT, markerfacecolor="none",
                label=label if share == SHARES[0] else None,
            )  # fmt: skip
        axes.set_title(title)
        axes.set_xticks(places, [f"{s:g}" for s in results])
        axes.set_xlabel("strength of the promotions")
        style.vertical(axes)
    canvas.legend(*canvas.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
