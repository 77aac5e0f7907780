"""What debiasing does with promotions and without, as JSON, a drawing and a page."""

from __future__ import annotations

import json
import pathlib

import numpy as np

from scenerank.pipeline.compare.tables import markdown
from scenerank.pipeline.simulated.debiasing import MEASURED, Results, draw, values

Found = list[dict[str, dict[str, float]]]
"""Of seeds: by what was trained with, its measures."""
RANKERS = {"logged": "learns from logs", "taste": "knows tastes"}

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
four of them with promotions, and an eighth to rank. Ordinary pages are ordered by users' tastes, and chance. Nothing
tells a model what was promoted: Fairness Coefficients come from the impressions of the days before. AUC (unbiased) is
taken on the eighth day's requests with items drawn uniformly, each as if at the top of the page; AUC (logs) on the
day's own impressions. The exposure error is the share of first places that would have to move between categories to
match a ranking by the true click probability. Models are judged without what only the log knows: place, badge,
coefficient. Differences are paired by seed, with their standard error.

![AUC and exposure error against the strength of the promotions](debias.svg)

## With promotions of strength {strength:g}, the parts alone

{parts}

Bias nets as shipped, against the same without debiasing: AUC {on} instead of {off}, exposure error {error_on} instead
of {error_off}. A model that is told, row by row, what place and badge truly did is what the best of bias nets could be.

The paper's own measure (SAR-Net, Table 5) is AUC on logs: +0.0044 with bias nets, +0.0053 with weighting, +0.0086 with
both. Weighting throws away what bias nets use: the more a row was boosted, the less it counts.

## Without promotions

{without}

A ranker that has learned from logs puts on top what the model could know, too. One that knows tastes puts on top what
is liked more than any input tells: bias nets take a part of that for the place's doing. A model that is told what the
place truly did does not. Where the platform's ranker knows what the model is not told, give it to the model as input.
On logs of such days AUC falls: what stands on top is clicked for that, too, which a model without bias nets foretells.

Made by `make figures ONLY=debias_curve`; every training's numbers are in `docs/benchmarks/debias.jsonl`.
"""


def write(results: Results, without: dict[tuple[str, str], Found], folder: pathlib.Path) -> None:
    """Writes the report's data, and `debias.svg` and `debias.md` into `folder`.

    Args:
      results: by strength; the greatest one's hold the parts.
      without: without promotions, by ranker and training.
    """
    MEASURED.write_text(json.dumps({f"{s:g}": found for s, found in results.items()}, indent=1) + "\n")
    svg = draw(results).replace(
        "<svg ", '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" ', 1
    )
    (folder / "debias.svg").write_text(svg + "\n")
    strength = max(results)
    found = results[strength]
    header = ["trained with", "seeds", "gain in AUC (unbiased)", "gain in AUC (logs)", "in exposure error"]
    kinds = dict.fromkeys(kind for one in found for kind in one if kind in PLAIN)
    parts = markdown(header, [[PLAIN[kind], *_gains(found, kind)] for kind in kinds])
    rows = [[RANKERS[ranker], PLAIN[kind], *_gains(found, kind)] for (ranker, kind), found in without.items()]
    (folder / "debias.md").write_text(
        PAGE.format(
            parts=parts, strength=strength, without=markdown(["ranker", *header], rows),
            on=_mean(found, "on", "auc"), off=_mean(found, "off", "auc"),
            error_on=_mean(found, "on", "exposure_error"), error_off=_mean(found, "off", "exposure_error"),
        )
    )  # fmt: skip


def _gains(found: Found, kind: str) -> list[str]:
    seeds = str(len(values(found, kind, "auc")))
    return [seeds, *(_gain(found, kind, name) for name in ("auc", "logged_auc", "exposure_error"))]


def _mean(found: Found, kind: str, name: str) -> str:
    return f"{values(found, kind, name).mean():.4f}"


def _gain(found: Found, kind: str, name: str) -> str:
    having = [one for one in found if kind in one]
    gains = values(having, kind, name) - values(having, "off", name)
    error = f" ± {gains.std(ddof=1) / np.sqrt(len(gains)):.4f}" if len(gains) > 1 else ""
    return f"{gains.mean():+.4f}{error}"
