"""The ablation tables: every row is a model that can be built, and differs from the others of its table."""

from __future__ import annotations

import models  # noqa: F401  isort: skip
import pytest

from models.ablations import ABLATIONS
from models.registry import SCENARIO_MODELS, build_model, settings_class
from tests.models.conftest import small_features

ROWS = [(model, title, name) for model, found in ABLATIONS.items() for title, rows in found.items() for name in rows]


def test_every_scenario_model_has_its_tables():
    assert set(ABLATIONS) == {model.registered for model in SCENARIO_MODELS}


@pytest.mark.parametrize(("model", "title"), sorted({(model, title) for model, title, _ in ROWS}))
def test_rows_of_a_table_differ(model, title):
    settings = [settings_class(model).model_validate(over) for over in ABLATIONS[model][title].values()]
    assert len({s.model_dump_json() for s in settings}) == len(settings)


@pytest.mark.parametrize(("model", "title", "name"), ROWS)
def test_every_row_can_be_built(model, title, name):
    settings = {"embedding": {"dim": 4}, **ABLATIONS[model][title][name]}
    assert build_model(model, small_features(), settings).count_params()
