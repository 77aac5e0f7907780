"""A trial under each protocol, on small data in memory."""

from __future__ import annotations

import models  # noqa: F401  isort: skip
import numpy as np
import pytest

from pipeline.benchmark.settings import Trial
from pipeline.benchmark.trial import run_trial
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
def test_models_that_learn_with_coefficients_get_some(protocol, monkeypatch):
    seen = []
    from pipeline.benchmark import trial

    def noted(store, *rest, real=trial.with_coefficients):
        out = real(store, *rest)
        seen.append(out.floats[:, -3].numpy())
        return out

    monkeypatch.setattr(trial, "with_coefficients", noted)
    settings = {**SMALL, "fairness_weighting": True}
    run_trial(prepared(), Trial("simulator", protocol, "hard_sharing", settings, TRAINER, 0), single_rows=10)
    assert len(seen) == (1 if protocol == "multi" else 3) and all(np.ptp(c) > 0 for c in seen)
