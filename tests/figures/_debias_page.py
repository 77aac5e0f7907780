"""What debiasing does at several strengths of promotion, as JSON, a drawing and a page."""

from __future__ import annotations

import json
import pathlib

import numpy as np

from components.report.debiasing import LINES, MEASURED, Results, draw, values

PLAIN = {
    "told the truth": "told what place and badge truly did to each row",
    "on": "as shipped: bias nets told coefficient and place",
    "coefficient": "bias nets told the coefficient alone",
    "position": "bias nets told the place alone",
    "multiply": "bias nets that multiply the score",
    "one net": "one bias net on the logit",
    "weighting": "weighting by the coefficient",
    "weighting from 0.5": "weighting, coefficients below 0.5 counted as that",
    "nets and weighting": "weighting, and bias nets told the coefficient alone",
}
PAGE = """# Promotions, places and debiasing

Simulated platforms on which a click needs an item that is looked at, the less the lower on the page, and on which
promotions give some pairs of item and scenario so many times their ordinary exposure on top, at the top of the page
with a badge that wins clicks: 20 scenarios, 20,000 users, 2,000 items; seven days of 40,000 impressions to train on,
four of them with promotions, and an eighth to rank. Nothing tells a model what was promoted: Fairness Coefficients come
from the impressions of the days before. AUC (unbiased) is taken on the eighth day's requests with items drawn
uniformly, each as if at the top of the page; AUC (logs) on the day's own impressions. The exposure error is the share
of first places that would have to move between categories to match a ranking by the true click probability. Models are
judged without what only the log knows: place, badge, coefficient. Differences are paired by seed, with their standard
error. {seeds}

![AUC and exposure error against the strength of the promotions](debias.svg)

## Against the strength of the promotions

Without debiasing, and as the bundled configuration ships it.

{by_strength}

## At strength {strength:g}, the parts alone

{parts}

The paper's own measure (SAR-Net, Table 5) is AUC on logs: +0.0044 with bias nets, +0.0053 with weighting, +0.0086 with
both. Weighting throws away what bias nets use: the more a row was boosted, the less it counts.

Made by `make figures ONLY=debias_curve`; every training's numbers are in `docs/debias.jsonl`.
"""


def write(results: Results, strength: float, folder: pathlib.Path) -> None:
    """Writes the report's data, and `debias.svg` and `debias.md` into `folder`.

    Args:
      strength: the one whose results hold the parts.
    """
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
        [PLAIN.get(kind, kind), str(len(values(found, kind, "auc"))), _gain(found, kind, "auc"),
         _gain(found, kind, "logged_auc"), _gain(found, kind, "exposure_error")]
        for kind in found[0] if kind != "off"
    ]  # fmt: skip
    header = ["trained with", "seeds", "gain in AUC (unbiased)", "gain in AUC (logs)", "in exposure error"]
    counts = ", ".join(f"{len(found)} at strength {s:g}" for s, found in results.items())
    (folder / "debias.md").write_text(
        PAGE.format(seeds=f"Seeds: {counts}.", by_strength=by_strength, strength=strength, parts=_table(header, rows))
    )


def _mean(found: list[dict[str, dict[str, float]]], kind: str, name: str) -> str:
    return f"{values(found, kind, name).mean():.4f}"


def _gain(found: list[dict[str, dict[str, float]]], kind: str, name: str) -> str:
    having = [one for one in found if kind in one]
    gains = values(having, kind, name) - values(having, "off", name)
    error = f" ± {gains.std(ddof=1) / np.sqrt(len(gains)):.4f}" if len(gains) > 1 else ""
    return f"{gains.mean():+.4f}{error}"


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
