import pytest

from scenerank.components.blesser.rules import objections, remarks
from scenerank.components.evaluator.deciding import deciding
from scenerank.components.evaluator.settings import EvaluationSettings
from scenerank.components.records.evaluation import Evaluation

SETTINGS = EvaluationSettings(min_scenario_examples=100, min_scenario_clicks=10)


def metrics(auc, examples=1000, clicks=100, pcoc=1.0, ordinary=1.0, error=0.001):
    """Of a model; `error` is that of its AUC and of the difference to it."""
    known = {"auc": auc, "examples": examples, "clicks": clicks, "pcoc": pcoc, "pcoc_ordinary": ordinary}
    return known | {"auc_error": error, "gap_error": error, "freedom": min(clicks, 64) - 1}


def summary(candidate, served=None, champion=None, small=None, **scenarios):
    overall = {"candidate": candidate, "served": served, "champion": champion}
    slices = {"": {name: found for name, found in overall.items() if found}}
    for name, (mine, theirs) in scenarios.items():
        slices[name] = {"candidate": mine, "served": theirs}
    together = dict(zip(("candidate", "served"), small or ()))
    return Evaluation.model_validate({"slices": slices, "small": together, "champion": champion and 2024030101})


def test_first_model_is_blessed():
    assert objections(summary(metrics(0.7)), SETTINGS) == []
    assert remarks(summary(metrics(0.7)), SETTINGS) == []


def test_what_a_badge_won_is_not_held_against_a_model():
    assert objections(summary(metrics(0.7, pcoc=0.5)), SETTINGS) == []


@pytest.mark.parametrize(
    ("fall", "error", "blessed"),
    [
        (0.0010, 0.0001, True),  # within the margin
        (0.0030, 0.0001, False),  # beyond it, and beyond chance
        (0.0030, 0.0010, True),  # chance would do
        (0.0040, 0.0010, False),
        (0.0200, 0.0150, True),
        (0.0000, 0.0000, True),  # the same model
    ],
)
def test_a_fall_is_held_against_its_own_error(fall, error, blessed):
    found = objections(summary(metrics(0.7 - fall), metrics(0.7, error=error)), SETTINGS)
    assert (found == []) == blessed


@pytest.mark.parametrize(
    ("candidate", "served", "word"),
    [
        (metrics(0.69), metrics(0.70), "overall AUC 0.6900 is 0.0100 below the served model's 0.7000"),
        (metrics(0.7, ordinary=1.6), metrics(0.7), "PCOC 1.6000 on ordinary impressions"),
        (metrics(0.7, pcoc=1.6, ordinary=None), metrics(0.7), "PCOC 1.6000 on all impressions"),
        (metrics(0.7, pcoc=None, ordinary=None), metrics(0.7), "PCOC undefined"),
        (metrics(0.4), None, "min_auc"),
        (metrics(0.49), metrics(0.49), "min_auc"),  # whoever serves
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


def test_many_scenarios_share_the_chance_of_a_false_refusal():
    fallen, as_before = (metrics(0.688), metrics(0.7)), (metrics(0.7), metrics(0.7))  # 2 errors beyond the margin
    assert objections(summary(metrics(0.7), metrics(0.7), a=fallen), SETTINGS) != []
    many = {f"s{number}": as_before for number in range(20)}
    assert objections(summary(metrics(0.7), metrics(0.7), a=fallen, **many), SETTINGS) == []


@pytest.mark.parametrize(
    "small", [metrics(0.6, examples=50), metrics(0.6, clicks=5), metrics(None)], ids=["rows", "clicks", "one class"]
)
def test_small_scenario_decides_with_others_alone(small):
    data = summary(metrics(0.7), metrics(0.7), tab1=(small, metrics(0.7)))
    assert objections(data, SETTINGS) == []
    assert deciding(data, SETTINGS) == []
    data = summary(metrics(0.7), metrics(0.7), tab1=(small, metrics(0.7)), small=(metrics(0.6), metrics(0.7)))
    (found,) = objections(data, SETTINGS)
    assert found.startswith("smaller scenarios together: AUC 0.6000 is 0.1000 below")


def test_falls_do_not_add_up():
    """No day's fall is beyond the margin; that of all days is beyond what the best version allows."""
    found = objections(summary(metrics(0.7), metrics(0.7005), champion=metrics(0.713)), SETTINGS)
    assert len(found) == 1
    assert "0.0130 below version 2024030101's, the best of 28 days, 0.7130" in found[0]
    assert "evaluation.max_decline" in found[0]
    slow = summary(metrics(0.7), metrics(0.7005), champion=metrics(0.705))
    assert objections(slow, SETTINGS) == []
    assert "fallen by 0.0050 from version 2024030101's" in remarks(slow, SETTINGS)[0]


def test_a_verdict_on_few_clicks_says_so():
    few = metrics(0.7, clicks=160, error=0.01)
    assert remarks(summary(few), SETTINGS) == ["the verdict rests on 160 clicks: the AUC is known to ±0.0200"]
    compared = summary(metrics(0.69, clicks=160, error=0.01), few)
    assert objections(compared, SETTINGS) == []
    (found,) = remarks(compared, SETTINGS)
    on = "the verdict rests on 160 clicks: a fall of AUC by less than 0.0187 is not told from chance"
    assert found == f"{on}, nor is that by 0.0100"
    assert remarks(summary(few | {"auc": 0.71}, few), SETTINGS) == [on]
    assert "too few users" in remarks(summary(few, few | {"gap_error": None}), SETTINGS)[0]


def test_an_evaluation_of_before_errors_is_read():
    old = {"auc": 0.7, "examples": 1000, "clicks": 100, "pcoc": 1.0}
    read = Evaluation.model_validate({"slices": {"": {"candidate": old, "served": old}}})
    assert objections(read, SETTINGS) == []
