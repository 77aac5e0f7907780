"""The arithmetic behind the drawings."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenerank.components.records.run import RunRecord
from scenerank.components.workspace import Workspace, shift
from scenerank.pipeline.drawing import page
from scenerank.pipeline.drawing.page import Missing
from scenerank.pipeline.report import fairness, training, usual_days
from scenerank.pipeline.report.attention import summarize
from scenerank.pipeline.report.calibration import wilson
from scenerank.pipeline.report.metrics_history import past_runs
from scenerank.pipeline.report.run import Run
from scenerank.pipeline.report.scenarios import auc_error
from scenerank.pipeline.report.volume import volumes
from scenerank.pipeline.simulated import debiasing, exposure
from scenerank.pipeline.simulated.truth import share_of_oracle
from tests.pipeline import report_workspace as made


def test_numbers_are_written_alike():
    assert page.decimal(0.73125) == "0.7312" and page.decimal(None) == page.decimal(math.nan) == "–"
    assert page.signed(-0.0021) == "−0.0021" and page.count(1234567.0) == "1,234,567"
    assert page.percent(0.01254) == "1.25 %" and page.short("x" * 30, 5) == "xxxx…"
    assert page.tone(0.00001) == "" and page.tone(0.1) == "good" and page.tone(-0.1) == "bad" and page.tone(None) == ""
    assert page.listed(["a", "b", "c"], 2) == "a, b and 1 more"


def test_auc_error_is_that_of_a_simulation():
    rng = np.random.default_rng(0)
    clicks, others, drawn = 60, 400, []
    for _ in range(400):
        # exponential scores, the distribution behind Hanley and McNeil's formula
        won = rng.exponential(2.0, clicks)[:, None] > rng.exponential(1.0, others)
        drawn.append(won.mean())
    assert auc_error(float(np.mean(drawn)), clicks, others) == pytest.approx(np.std(drawn), rel=0.15)
    assert auc_error(None, 5, 5) is None and auc_error(0.7, 0, 5) is None


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_wilson_holds_the_rate(rows, share):
    clicks = np.array([float(round(rows * share))])
    low, high = wilson(clicks, np.array([float(rows)]))
    rate = clicks / rows
    assert 0 <= low <= rate + 1e-12 and rate - 1e-12 <= high <= 1 + 1e-12


def test_past_runs_end_with_the_day(tmp_path):
    workspace = made.make(tmp_path, days=4)
    runs = past_runs(workspace, shift(made.DAY, -1), most=2)
    assert [run.day for run in runs] == [shift(made.DAY, -2), shift(made.DAY, -1)]
    assert runs[0].auc == 0.7312 and runs[0].served_auc == 0.7291


def test_volumes_count_reasons(tmp_path):
    days = volumes(made.make(tmp_path, days=3), made.DAY)
    assert [v.day for v in days] == [shift(made.DAY, -2), shift(made.DAY, -1), made.DAY]
    assert days[-1].refused == 113 and days[-1].duplicates == 17 and days[-1].accepted == 50_000


def text(row):
    return [cell if isinstance(cell, str) else cell.text for cell in row]


def test_the_last_days_stand_beside_what_is_usual(tmp_path):
    section = usual_days.section(Run.read(made.make(tmp_path, days=4), made.DAY))
    assert section.lead == "The day passed because a person accepted it: a sale <b>began</b>."
    (table,) = section.blocks
    assert table.columns == ("Day", "Rows", "Hours", "Click rate", "Unseen user_id", "Unseen item_id")
    first, *_, last, usual, limits = map(text, table.rows)
    assert first == [shift(made.DAY, -3), "50,020", "24", "5.00 %", "–", "–"]
    assert last == [made.DAY, "50,017", "24", "5.00 %", "0.00 %", "10.00 %"]
    assert usual == ["usual", "50,019", "24", "5.00 %", "0.00 %", "10.00 %"]
    assert limits == ["limits", "25,010 to 100,038", "from 20", "2.50 % to 10.00 %", "to 30.00 %", "to 40.00 %"]


def test_a_first_day_has_nothing_beside_it(tmp_path):
    (table,) = usual_days.section(Run.read(made.make(tmp_path, days=1), made.DAY)).blocks
    assert len(table.rows) == 1


def test_a_day_of_a_version_without_profiles_is_not_compared(tmp_path):
    workspace = made.make(tmp_path, days=1)
    workspace.delete(workspace.uri("examples"))
    with pytest.raises(Missing, match="no profile to compare"):
        usual_days.section(Run.read(workspace, made.DAY))


def test_boosted_items_are_those_shown_too_often():
    table = pd.DataFrame(
        {
            "scenario": ["a"] * 4 + ["b"],
            "item": ["often", "rare", "fair", "low"] + ["often"],
            "impressions": [1000, 10, 500, 200, 900],
            "raw_fc": [0.5, 0.1, 1.2, 0.8, 1.0],
        }
    )
    found = fairness.boosted(table, per_scenario=2)
    assert found["item"].tolist() == ["often", "low"]  # the rare one says nothing, the others are not boosted
    assert found["surplus"].tolist() == pytest.approx([500, 40])
    assert found["share"].tolist() == pytest.approx([1000 / 1710, 200 / 1710])


@given(st.lists(st.tuples(st.floats(-5, 5), st.integers(1, 9)), min_size=1, max_size=30), st.floats(0, 1))
def test_weighted_quantiles_are_those_of_repeated_values(rows, at):
    value, weight = (np.array(column) for column in zip(*rows))
    (found,) = fairness.weighted_quantiles(value, weight.astype(float), (at,))
    repeated = np.sort(np.repeat(value, weight))
    assert found == repeated[max(math.ceil(at * len(repeated) - 1e-9) - 1, 0)]


def test_first_of_request():
    request = np.array([2, 1, 1, 2, 3])
    score = np.array([0.5, 0.1, 0.4, 0.5, 0.0])
    assert exposure.first_of_request(request, score).tolist() == [2, 0, 4]
    category = np.array(["x", "y", "x", "y", "y"])
    names = np.array(["x", "y"])
    assert exposure.first_place_shares(request, score, category, names).tolist() == pytest.approx([2 / 3, 1 / 3])


@given(st.lists(st.floats(0.01, 1), min_size=2, max_size=8), st.lists(st.floats(0.01, 1), min_size=2, max_size=8))
def test_distance_is_a_share(a, b):
    size = min(len(a), len(b))
    p, q = (np.array(x[:size]) / sum(x[:size]) for x in (a, b))
    assert exposure.distance(p, p) == 0
    assert exposure.distance(p, q) == pytest.approx(exposure.distance(q, p))
    assert 0 <= exposure.distance(p, q) <= 1 + 1e-9


def test_attention_is_relative_to_the_history():
    current = np.array(["s", "t"], object)
    behavior = np.array(["s", "t", "t", "s", "s"], object)
    weight = np.array([0.6, 0.2, 0.1, 0.05, 0.05])  # of two softmaxes multiplied: they need not add up to 1
    found = summarize(current, behavior, weight, np.array([3, 2]))
    assert found.current == ["s", "t"] and found.behavior == ["s", "t"] and found.rows == 2
    assert found.behaviors.tolist() == [[1, 2], [2, 0]]
    assert found.relative[0].tolist() == pytest.approx([2.0, 0.5])
    assert found.relative[1, 0] == pytest.approx(1.0) and np.isnan(found.relative[1, 1])


def test_epochs_in_either_form():
    by_epoch = [{"loss": 2.0, "auc": 0.5}, {"loss": 1.0, "auc": 0.6}]
    assert training.epochs({"epochs": by_epoch}) == by_epoch
    assert training.epochs({"loss": [2.0, 1.0], "auc": [0.5, 0.6]}) == by_epoch
    assert training.epochs({}) == training.epochs(None) == []


def test_parts_that_models_watch_have_panels_of_their_own():
    curve = [{"loss": 0.5, "auc": 0.6, "val_auc": 0.6}, {"loss": 0.4, "auc": 0.7, "val_auc": 0.65}]
    watched = [{**epoch, "prototype_distance": 1.5, "greatest_share": 0.8} for epoch in curve]

    def drawn(epochs):
        run = Run(
            Workspace("nowhere"), "2024-03-08", RunRecord(day="2024-03-08", history={"epochs": epochs, "best_epoch": 1})
        )
        return training.curves(run).blocks

    assert [block.title for block in drawn(curve)] == ["Training curves"]
    curves, parts = drawn(watched)
    assert curves.svg == drawn(curve)[0].svg and parts.title == "Parts of the model"
    assert "Smallest distance of prototypes" in parts.svg and "Mean greatest share" in parts.svg
    assert "alpha of" not in parts.svg and "validation day" not in parts.svg


def test_share_of_oracle():
    assert share_of_oracle(0.75, 0.8) == pytest.approx(0.25 / 0.3)
    assert share_of_oracle(0.75, math.nan) is None and share_of_oracle(None, 0.8) is None


def test_debiasing_is_drawn_from_what_was_measured(monkeypatch, tmp_path):
    monkeypatch.setattr(debiasing, "MEASURED", tmp_path / "debiasing.json")
    with pytest.raises(Missing):
        debiasing.section()
    one = {kind: {"auc": 0.6, "exposure_error": 0.1} for kind in ("off", "on", "sub-sampling 0.9", "sub-sampling 0.6")}
    debiasing.MEASURED.write_text(json.dumps({"0": [one, one], "4": [one]}))
    section = debiasing.section()
    assert "sub-sampling at 90, 60 %" in section.blocks[0].svg and "strength of the promotions" in section.blocks[0].svg


def test_a_training_that_went_on_is_shown_day_by_day():
    lineage = {
        "mode": "incremental",
        "reason": "",
        "base": 2024030301,
        "full_day": "2024-03-01",
        "days": ["2024-03-03"],
    }
    days = [{"loss": 0.21, "auc": 0.7, "val_loss": 0.2, "val_auc": 0.71}]
    history = {"rows": {"train": 1000, "validation": 0}, "epochs": days, "best_epoch": None, "lineage": lineage}
    section = training.curves(Run(None, "2024-03-04", RunRecord(day="2024-03-04", history=history)))
    assert "1,000 impressions of 2024-03-03 were learned from" in section.lead
    assert (
        "every row once, from version 2024030301 on, which goes back to the full training of 2024-03-01" in section.lead
    )
    assert "before it was learned" in section.blocks[0].svg
    full = {**history, "lineage": {**lineage, "mode": "full", "reason": "no model is in service"}}
    assert (
        "a full training, as no model is in service"
        in training.curves(Run(None, "", RunRecord(day="", history=full))).lead
    )
