"""TFMA's results and the rest of an evaluation as one small JSON document."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import tensorflow_model_analysis as tfma

from scenerank.components import storage
from scenerank.components.evaluator.deciding import with_errors
from scenerank.components.evaluator.gauc import GroupedAuc
from scenerank.components.evaluator.jackknife import Replicates
from scenerank.components.evaluator.metrics import NAMES
from scenerank.components.evaluator.settings import EvaluationSettings
from scenerank.components.records.evaluation import OVERALL, Evaluation


def _value(result: dict[str, Any]) -> float | None:
    value = float(result.get("doubleValue", "nan"))  # NaN comes as text
    return None if math.isnan(value) else value


def summarize(
    output: str, models: Sequence[str], has_requests: bool, settings: EvaluationSettings, champion: int | None
) -> Evaluation:
    """Reads an evaluation's folder.

    Args:
      models: names of the models that were evaluated.
      has_requests: whether GAUC was computed.
      settings: which scenarios are too small to decide by themselves.
      champion: version of the champion, if there is one among the models.
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
        for name in models:
            slices[row["scenario"]][name] |= {"pcoc_ordinary": row[name], "ordinary_examples": row["rows"]}
    calibration = {row["model"]: row["bins"] for row in _read(f"{output}/calibration.json")}
    document = {"slices": {k: slices[k] for k in sorted(slices)}, "champion": champion, "calibration": calibration}
    left_out = {row["scenario"]: Replicates.of_document(row) for row in _read(f"{output}/jackknife.json")}
    return with_errors(Evaluation.model_validate(document), left_out, settings)


def _read(path: str) -> Any:
    return storage.read_json(path)
