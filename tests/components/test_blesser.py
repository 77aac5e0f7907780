import pytest

from components.blesser.rules import deciding, objections
from components.evaluator.settings import EvaluationSettings

SETTINGS = EvaluationSettings(min_scenario_examples=100, min_scenario_clicks=10)


def metrics(auc, examples=1000, clicks=100, pcoc=1.0, ordinary=1.0):
    return {"auc": auc, "examples": examples, "clicks": clicks, "pcoc": pcoc, "pcoc_ordinary": ordinary}


def summary(candidate, served=None, **scenarios):
    slices = {"": {"candidate": candidate} | ({"served": served} if served else {})}
    for name, (mine, theirs) in scenarios.items():
        slices[name] = {"candidate": mine, "served": theirs}
    return {"slices": slices}


def test_first_model_is_blessed():
    assert objections(summary(metrics(0.7)), SETTINGS) == []


def test_what_a_badge_won_is_not_held_against_a_model():
    assert objections(summary(metrics(0.7, pcoc=0.5)), SETTINGS) == []


def test_fall_within_margin_is_blessed():
    assert objections(summary(metrics(0.6990), metrics(0.7)), SETTINGS) == []


@pytest.mark.parametrize(
    ("candidate", "served", "word"),
    [
        (metrics(0.69), metrics(0.70), "overall AUC 0.6900"),
        (metrics(0.7, ordinary=1.6), metrics(0.7), "PCOC 1.6000 on ordinary impressions"),
        (metrics(0.7, pcoc=1.6, ordinary=None), metrics(0.7), "PCOC 1.6000 on all impressions"),
        (metrics(0.7, pcoc=None, ordinary=None), metrics(0.7), "PCOC undefined"),
        (metrics(0.4), None, "min_auc"),
        (metrics(None), metrics(0.7), "one kind"),
    ],
)
def test_objections(candidate, served, word):
    found = objections(summary(candidate, served), SETTINGS)
    assert len(found) == 1
    assert word in found[0]


def test_large_scenario_decides():
    data = summary(metrics(0.7), metrics(0.7), tab1=(metrics(0.6), metrics(0.7)))
    assert "scenario tab1" in objections(data, SETTINGS)[0]


@pytest.mark.parametrize(
    "small", [metrics(0.6, examples=50), metrics(0.6, clicks=5), metrics(None)], ids=["rows", "clicks", "one class"]
)
def test_small_scenario_does_not(small):
    data = summary(metrics(0.7), metrics(0.7), tab1=(small, metrics(0.7)))
    assert objections(data, SETTINGS) == []
    assert deciding(data, SETTINGS) == []
