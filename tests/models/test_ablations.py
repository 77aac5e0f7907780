"""The ablation tables: every row is a model that can be built, and differs from the others of its table."""

from __future__ import annotations

import pytest

from scenerank.models.ablations import ABLATIONS, parted
from scenerank.models.registry import SCENARIO_MODELS, build_model, settings_class
from scenerank.models.training import training_model
from scenerank.schemas.bias import DebiasSettings
from tests.models.conftest import small_features

ROWS = [(model, title, name) for model, found in ABLATIONS.items() for title, rows in found.items() for name in rows]


def test_every_scenario_model_has_its_tables():
    assert set(ABLATIONS) == {model.registered for model in SCENARIO_MODELS}


@pytest.mark.parametrize(("model", "title"), sorted({(model, title) for model, title, _ in ROWS}))
def test_rows_of_a_table_differ(model, title):
    rows = [parted(over) for over in ABLATIONS[model][title].values()]
    seen = {
        (
            settings_class(model).model_validate(row.settings).model_dump_json(),
            DebiasSettings.model_validate(row.debias or {}).model_dump_json(),
            row.over_exposed_share,
        )
        for row in rows
    }
    assert len(seen) == len(rows)


@pytest.mark.parametrize(("model", "title", "name"), ROWS)
def test_every_row_can_be_built(model, title, name):
    row = parted(ABLATIONS[model][title][name])
    built = build_model(model, small_features(), {"embedding": {"dim": 4}, **row.settings})
    assert training_model(built, DebiasSettings.model_validate(row.debias or {})).count_params()
