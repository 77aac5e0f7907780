"""Intercepts that keep a model calibrated whose bias nets are left out."""

from __future__ import annotations

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow as tf

from scenerank.components.export.intercepts import (
    FEWEST_ROWS,
    SPREAD,
    Rows,
    fit,
    intercepts,
    of_rows,
    ordinary_weights,
    whole_pages,
)
from scenerank.components.storage import expand
from scenerank.components.trainer.loop.building import build_training
from scenerank.components.trainer.settings import TrainerSettings
from scenerank.components.transform.example_reader import ExampleReader
from tests.components import tiny


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_what_logits_lack_is_found():
    rng = np.random.default_rng(0)
    truth = np.array([0.0, -0.6, -0.2, -0.4])
    scenario = rng.integers(1, 4, 60_000)
    logit = rng.normal(-2, 1, 60_000)
    label = rng.random(60_000) < sigmoid(logit + truth[scenario])
    found = fit(scenario, logit, label, np.ones(60_000), 4)
    np.testing.assert_allclose(found[1:], truth[1:], atol=0.06)
    assert found[0] == pytest.approx(-0.4, abs=0.06), "an unknown scenario has the common one"


@hypothesis.settings(deadline=None, max_examples=30)
@hypothesis.given(seed=st.integers(0, 1000), scenarios=st.integers(2, 9), rows=st.integers(1, 400))
def test_predicted_clicks_are_the_observed_ones(seed, scenarios, rows):
    rng = np.random.default_rng(seed)
    scenario, logit = rng.integers(0, scenarios, rows), rng.normal(-1, 2, rows)
    label, weight = rng.random(rows) < 0.3, rng.uniform(0, 2, rows)
    hypothesis.assume(0 < label @ weight < weight.sum())
    found = fit(scenario, logit, label, weight, scenarios)
    assert np.isfinite(found).all()
    common = fit(np.zeros(rows, int), logit, label, weight, 1)[0]
    assert weight @ sigmoid(logit + common) == pytest.approx(label @ weight, rel=1e-3)
    assert found[0] == pytest.approx(common, abs=1e-5)
    assert (np.abs(found - common) < 40 * SPREAD).all(), "a small scenario stays near the others"
    assert (found[~np.isin(np.arange(scenarios), scenario)] == found[0]).all()


def test_labels_of_one_kind_and_no_rows_give_finite_numbers():
    ones = np.ones(5)
    assert np.isfinite(fit(np.zeros(5, int), ones, ones, ones, 2)).all()
    assert (fit(np.zeros(0, int), *(np.zeros(0),) * 3, 3) == 0).all()


def test_a_page_whose_top_was_promoted_is_filled_up():
    """Ordinary rows of promoted pages sit lower than they will: each counts for the rows that have its place."""
    rng = np.random.default_rng(1)
    place, promoted_page = np.tile(np.arange(4), 50_000), np.repeat(rng.random(50_000) < 0.7, 4)
    kept = ~(promoted_page & (place == 0))
    label = rng.random(200_000) < sigmoid(-1 - 0.8 * place)
    weight = ordinary_weights(np.ones(200_000), kept, place)
    assert weight[~kept].max() == 0 and weight.sum() == pytest.approx(200_000)
    logit, one = np.full(200_000, -1.0), np.zeros(200_000, int)
    page = np.mean(sigmoid(-1 - 0.8 * np.arange(4)))
    found = sigmoid(-1 + fit(one, logit, label, weight, 1)[0])
    assert found == pytest.approx(page, rel=0.03)
    assert sigmoid(-1 + fit(one, logit, label, kept.astype(float), 1)[0]) < 0.85 * page


def pages(level=-1.0, drift=0.3, push=1.0, count=40_000, seed=2):
    """Scored pages of four places, on most of which the first item was pushed; all logits lack `drift`."""
    rng = np.random.default_rng(seed)
    place, pushed_page = np.tile(np.arange(4), count), np.repeat(rng.random(count) < 0.8, 4)
    pushed = pushed_page & (place == 0)
    logit = level + rng.normal(0, 1, 4 * count)
    biased = logit - 0.5 * place + push * pushed
    label = rng.random(4 * count) < sigmoid(biased + drift)
    one, kept = np.ones(4 * count), ~pushed
    rows = Rows(np.zeros(4 * count, int), logit, biased, label, one, kept, place, ~pushed_page)
    return rows, np.mean(sigmoid(logit - 0.5 * place + drift))


def test_every_row_tells_the_level_and_ordinary_pages_what_biases_take():
    rows, due = pages()
    found = of_rows(rows, 1, nets=True)
    served = np.mean(sigmoid(rows.logit + found[0]))
    assert served == pytest.approx(due, rel=0.03)
    level = fit(rows.scenario, rows.biased, rows.label, rows.weight, 1)[0]
    assert level == pytest.approx(0.3, abs=0.03)


def test_without_bias_nets_only_ordinary_rows_tell_the_level():
    rows, due = pages()
    rows = rows._replace(biased=rows.logit)
    assert np.mean(sigmoid(rows.logit + of_rows(rows, 1, nets=False)[0])) == pytest.approx(due, rel=0.04)
    assert np.mean(sigmoid(rows.logit + of_rows(rows, 1, nets=True)[0])) > 1.1 * due


def test_few_ordinary_pages_give_way_to_ordinary_rows():
    rows, due = pages(count=FEWEST_ROWS)
    rows = rows._replace(whole=np.zeros(len(rows.whole), bool))
    assert np.mean(sigmoid(rows.logit + of_rows(rows, 1, nets=True)[0])) == pytest.approx(due, rel=0.1)


@hypothesis.given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=30))
def test_a_page_counts_only_if_nothing_on_it_was_intervened_in(rows):
    page, kept = (np.array(column) for column in zip(*rows))
    found = whole_pages(kept.astype(bool), page)
    assert found.tolist() == [all(k for p, k in rows if p == own) for own, _ in rows]


def test_only_ordinary_rows_are_looked_at():
    """A fresh model says the same of every row: its intercept is the click rate of the rows that were not pushed."""
    folder = tiny.trained()
    reader = ExampleReader.of(tiny.DECLARATION, str(folder / "transform"))
    small = {**tiny.SMALL, "embedding": {"dim": 4, "initial_scale": 1e-9}}
    training = build_training(TrainerSettings(model_settings=small), reader.features, 0.5)
    files = expand([str(folder / "Split-train/*")])
    found = intercepts(training, reader, files)
    rows = tiny.table(2000).slice(0, 1400).to_pandas()
    kept = rows[rows.pushed == 0]
    rate = np.average(kept.clicked, weights=kept.importance)
    assert found[0] == pytest.approx(np.log(rate / (1 - rate)), abs=0.1)
    everything = np.average(rows.clicked, weights=rows.importance)
    assert everything - rate > 0.02
    assert found.shape == (reader.features.scenarios,)


def test_a_model_without_bias_nets_is_calibrated_once_they_are_left_out():
    folder = tiny.trained()
    loaded = tf.saved_model.load(str(folder / "run/model/Format-Serving"))
    rows = tiny.table(2000).slice(0, 1700)  # of training and validation
    scores = loaded.signatures["serving_default"](examples=tf.constant(tiny.serialize(rows)))["probability"].numpy()
    frame = rows.to_pandas()
    kept = (frame.pushed == 0).to_numpy()
    weight = frame.importance.to_numpy()[kept]
    assert weight @ scores[kept] / (weight @ frame.clicked.to_numpy()[kept]) == pytest.approx(1, abs=0.1)
