"""A trial under each protocol, on small data in memory."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from scenerank.pipeline.compare import trial
from scenerank.pipeline.compare.settings import Trial
from scenerank.pipeline.compare.trial import run_trial
from tests.pipeline.explained import prepared

TRAINER = {"epochs": 1, "batch_size": 64, "tensorboard": False}
SMALL = {"embedding": {"dim": 4}, "units": [4]}


@pytest.mark.parametrize("protocol", ["multi", "mix", "single"])
def test_every_protocol_tests_all_rows(protocol):
    data = prepared()
    found = run_trial(data, Trial("simulator", protocol, "hard_sharing", SMALL, TRAINER, 0), single_rows=10)
    assert found["metrics"][""]["rows"] == data.test.rows and 0 < found["metrics"][""]["auc"] < 1
    assert found["parameters"] > 0 and found["validation_auc"] is not None
    if protocol == "single":
        assert found["scenario_models"] == len(np.unique(data.train.scenarios))
    else:
        assert found["rows_per_second"] > 0 and found["inference_ms"] > 0


@pytest.mark.parametrize("protocol", ["multi", "single"])
def test_coefficients_by_score_come_from_models_of_other_days(protocol, monkeypatch):
    seen = []
    data = dataclasses.replace(prepared(), days=np.arange(prepared().train.rows) % 4)

    def noted(days, *rest, real=trial.by_score):
        out = real(days, *rest)
        seen.append(out)
        return out

    monkeypatch.setattr(trial, "by_score", noted)
    weighted = {**TRAINER, "debias": {"weighting": True}}
    run_trial(data, Trial("simulator", protocol, "hard_sharing", SMALL, weighted, 0, numerator="score"), single_rows=10)
    assert len(seen) == (1 if protocol == "multi" else 3) and all(np.ptp(c) > 0 for c in seen)
    run_trial(data, Trial("simulator", protocol, "hard_sharing", SMALL, weighted, 0), single_rows=10)
    run_trial(data, Trial("simulator", protocol, "hard_sharing", SMALL, TRAINER, 0, numerator="score"), single_rows=10)
    assert len(seen) == (1 if protocol == "multi" else 3), "nobody else needs scores"


@pytest.mark.parametrize("model", ["hard_sharing", "sar_net"])
def test_bias_nets_are_trained_and_not_counted(model):
    settings = SMALL if model == "hard_sharing" else {"embedding": {"dim": 4}, "expert_units": [4]}
    plain, debiased = (
        run_trial(prepared(), Trial("simulator", "multi", model, settings, {**TRAINER, "debias": debias}, 0), 10)
        for debias in ({}, {"nets": True})
    )
    assert plain["parameters"] == debiased["parameters"]
    assert plain["metrics"][""]["logloss"] != debiased["metrics"][""]["logloss"]
