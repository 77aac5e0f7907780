"""TFMA's results and the rest of an evaluation as one small JSON document."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import tensorflow_model_analysis as tfma
from tfx.dsl.io import fileio

from components.evaluator.gauc import GroupedAuc
from components.evaluator.metrics import NAMES

OVERALL = ""


def _value(result: dict[str, Any]) -> float | None:
    value = float(result.get("doubleValue", "nan"))  # NaN comes as text
    return None if math.isnan(value) else value


def summarize(output: str, models: Sequence[str], has_requests: bool) -> dict[str, Any]:
    """Reads an evaluation's folder.

    Args:
      models: names of the models that were evaluated.
      has_requests: whether GAUC was computed.

    Returns:
      `{"slices": {scenario or "" for all: {model: {metric: value or None}}}, "calibration": {model: bins}}`;
      None stands for what a one-class slice leaves undefined. `pcoc_ordinary` is of impressions that nobody intervened
      in, of which there were `ordinary_examples`: those that a model without bias nets can be held to.
    """
    slices: dict[str, dict[str, dict[str, float | None]]] = {}
    for name in models:
        # TFMA forgets the name of a model that is alone
        result = tfma.load_eval_result(output, model_name=name if len(models) > 1 else "")
        for key, outputs in result.slicing_metrics:
            scenario = str(key[0][1]) if key else OVERALL
            values = outputs[""][""]
            found = {metric: _value(values[metric]) for metric in NAMES}
            slices.setdefault(scenario, {})[name] = found
    if has_requests:
        for row in _read(f"{output}/gauc.json"):
            scenario, model = row.pop("scenario"), row.pop("model")
            sums = GroupedAuc(**row)
            value = sums.value
            slices[scenario][model] |= {
                "gauc": None if math.isnan(value) else value,
                "requests": sums.requests,
                "one_class_requests": sums.one_class,
            }
    for row in _read(f"{output}/ordinary.json"):
        rows, clicks, *scores = row["sums"]
        for name, score in zip(models, scores):
            value = score / clicks if clicks else None
            slices[row["scenario"]][name] |= {"pcoc_ordinary": value, "ordinary_examples": rows}
    calibration = {row["model"]: row["bins"] for row in _read(f"{output}/calibration.json")}
    return {"slices": {k: slices[k] for k in sorted(slices)}, "calibration": calibration}


def _read(path: str) -> Any:
    with fileio.open(path) as stream:
        return json.loads(stream.read())
