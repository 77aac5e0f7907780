"""The ablation tables: every row is a model that can be built, and differs from the others of its table."""

from __future__ import annotations

import models  # noqa: F401  isort: skip
import pytest

from models.ablations import ABLATIONS
from models.registry import SCENARIO_MODELS, build_model, settings_class
from tests.models.conftest import small_features

ROWS = [(model, title, name) for model, found in ABLATIONS.items() for title, rows in found.items() for name in rows]


def split(over):
    """The model's settings, and the trial's share of rows."""
    return {key: value for key, value in over.items() if key != "over_exposed_share"}, over.get("over_exposed_share")


def test_every_scenario_model_has_its_tables():
    assert set(ABLATIONS) == {model.registered for model in SCENARIO_MODELS}


@pytest.mark.parametrize(("model", "title"), sorted({(model, title) for model, title, _ in ROWS}))
def test_rows_of_a_table_differ(model, title):
    rows = [split(over) for over in ABLATIONS[model][title].values()]
    seen = {(settings_class(model).model_validate(settings).model_dump_json(), share) for settings, share in rows}
    assert len(seen) == len(rows)


@pytest.mark.parametrize(("model", "title", "name"), ROWS)
def test_every_row_can_be_built(model, title, name):
    settings, _ = split(ABLATIONS[model][title][name])
    assert build_model(model, small_features(), {"embedding": {"dim": 4}, **settings}).count_params()
