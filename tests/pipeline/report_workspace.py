"""A workspace as runs leave it, made by hand."""

from __future__ import annotations

import json
import pathlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from scenerank.components.fairness_coefficient import normalisation
from scenerank.components.fairness_coefficient.aggregation import merge, partial_sums, totals
from scenerank.components.fairness_coefficient.settings import FairnessSettings
from scenerank.components.fairness_coefficient.shares import SCORE, raw_coefficients
from scenerank.components.records.profile import KeySample, Profile
from scenerank.components.records.verdict import DayVerdict
from scenerank.components.workspace import Workspace, shift, version

DAY = "2024-03-04"
SCENARIOS = ("home", "hotels", "<script>alert(1)</script>", "tiny $x$ & co")


def metrics(auc: float | None, examples: int = 20_000, rate: float = 0.05, pcoc: float = 1.02) -> dict:
    return {
        "auc": auc,
        "auc_error": None if auc is None else 0.0041,
        "freedom": 63,
        "log_loss": 0.1876,
        "pcoc": pcoc,
        "pcoc_ordinary": pcoc - 0.01,
        "ordinary_examples": float(examples - examples // 10),
        "examples": float(examples),
        "clicks": float(round(examples * rate)),
        "mean_score": rate * pcoc,
        "gauc": None if auc is None else auc - 0.0123,
        "requests": examples // 6,
        "one_class_requests": examples // 9,
    }


def bins(seed: int) -> list[list[float]]:
    """Calibration: rows, clicks, summed score."""
    rng = np.random.default_rng(seed)
    score = 1 / (1 + np.exp(-(np.arange(20) * 0.5 - 6.75)))
    rows = np.round(4000 * np.exp(-((np.arange(20) - 7) ** 2) / 18))
    return np.stack([rows, rng.binomial(rows.astype(int), score), rows * score], axis=1).tolist()


def record(day: str = DAY, served: bool = True, pushed: bool = True) -> dict:
    """`run.json` of a day."""
    slices: dict[str, dict] = {"": {"candidate": metrics(0.7312, 50_000)}}
    sizes = (30_000, 15_000, 4_960, 40)
    for number, (name, size) in enumerate(zip(SCENARIOS, sizes)):
        auc = None if size == 40 else 0.70 + 0.02 * number
        slices[name] = {"candidate": metrics(auc, size, 0.02 + 0.02 * number)}
    if served:
        slices[""]["served"] = metrics(0.7291, 50_000, pcoc=0.93)
        for number, (name, size) in enumerate(zip(SCENARIOS, sizes)):
            slices[name]["served"] = metrics(None if size == 40 else 0.711 + 0.01 * number, size)
    return {
        "day": day,
        "version": version(day, 1) if pushed else 0,
        "new": pushed,
        "served_before": version(shift(day, -1), 1) if served else None,
        "verdict": {
            "blessed": pushed,
            "objections": [] if pushed else ["overall AUC 0.7312 is more than 0.002 below the served model's 0.7391"],
            "deciding_scenarios": list(SCENARIOS[:3]) if served else [],
            "left_out_scenarios": [SCENARIOS[3]] if served else list(SCENARIOS),
        },
        "window": {
            "day": day,
            "splits": {"train": [shift(day, -3), shift(day, -2)], "validation": [shift(day, -1)], "eval": [day]},
        },
        "ingested": [day],
        "metrics": {"slices": slices, "calibration": {"candidate": bins(0), **({"served": bins(1)} if served else {})}},
        "history": {
            "model": "sar_net",
            "rows": {"train": 100_000, "validation": 50_000},
            "parameters": {"serving": 812_345, "training": 813_000},
            "warm_start": {"warm": 12, "moved": 3, "cold": {}, "dropped": []} if served else None,
            "epochs": [
                {
                    "loss": 0.201 - 0.004 * i,
                    "auc": 0.69 + 0.015 * i,
                    "val_loss": 0.198,
                    "val_auc": 0.71 + 0.01 * min(i, 2),
                }
                for i in range(4)
            ],
            "best_epoch": 2,
            "steps_per_epoch": 49,
        },
        "seconds": {"LogExampleGen": 6.21, "StatisticsGen": 3.4, "Trainer": 31.9, "Evaluator": 9.05},
        "uris": {},
    }


def fairness(rng: np.random.Generator, rows: int = 30_000) -> pa.Table:
    scenario = rng.choice(SCENARIOS, rows, p=(0.6, 0.3, 0.09, 0.01))
    item = np.minimum(rng.geometric(0.05, rows), 80)
    score = np.where(item == 3, 0.01, rng.beta(2, 30, rows))
    items = pa.array([f"item<{i}>" for i in item])
    sums = merge([partial_sums(pa.array(scenario, pa.string()), items, pa.array(score))])
    drawn = normalisation.drawn(sums, raw_coefficients(sums, totals(sums), SCORE), 0.0)
    return normalisation.fairness_table(drawn, normalisation.weights(drawn), DAY, FairnessSettings())


def profile(day: str, back: int) -> Profile:
    """A day of which a tenth of the items is new."""
    first = 5 * (10 - back)
    keys = {"user_id": KeySample(hashes=list(range(50))), "item_id": KeySample(hashes=list(range(first, first + 50)))}
    return Profile(day=day, rows=50_017 + back, clicks=2_500, hours=[2084] * 24, keys=keys)


def make(root: pathlib.Path, days: int = 4, **options: bool) -> Workspace:
    """`days` runs that end with DAY."""
    workspace = Workspace(str(root))
    for back in range(days - 1, -1, -1):
        day = shift(DAY, -back)
        made = record(day, **options)
        workspace.write_text(workspace.uri("reports", f"day={day}", "run.json"), json.dumps(made))
        counts = {
            "day": day,
            "rows_read": 50_130 + 10 * back,
            "rows_accepted": 50_000,
            "duplicates_dropped": 17,
            "quarantined": {"is_click: not one of 0, 1": 100, "price: below 0": 13 + 10 * back},
            "damaged_files": [],
        }
        aside = root / "aside"
        aside.mkdir(exist_ok=True)
        (aside / "summary.json").write_text(json.dumps(counts))
        workspace.publish("quarantine", day, str(aside))
        pq.write_table(fairness(np.random.default_rng(back)), aside / "fairness.parquet")
        workspace.publish("fairness", day, str(aside))
        profile(day, back).write(str(root / "examples"))
        DayVerdict(passed=True, accepted="" if back else "a sale <b>began</b>").write(str(root / "examples"))
        workspace.publish("examples", day, str(root / "examples"))
    return workspace
