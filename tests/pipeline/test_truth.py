"""What is known of a simulated platform, against what the pieces of the pipeline make of it."""

import numpy as np
import pandas as pd
import pytest

from tests.benchmarks.daily._debias import KINDS, build_world, correlations, outcome, subsampled

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def world():
    return build_world(8.0, 0, ranker="logged", days=3, impressions=8000)


def test_promoted_rows_have_coefficients_below_those_of_the_others(world):
    rows = world.logged.assign(fc=world.train.coefficients)
    boosted = rows["boosted"].to_numpy(bool)
    assert 0.1 < boosted.mean() < 0.6
    assert rows.fc[boosted].mean() < 0.85 < 1 < rows.fc[~boosted].mean()  # many a pair is new on the second day
    assert (rows.fc[rows.day == rows.day.min()] == 1).all(), "nothing is known before the first day"
    by_page = rows.groupby(["day", "scenario_id"])
    unclipped = by_page["fc"].transform(lambda c: (c > 0.1).all() and (c < 10).all())
    means = rows[unclipped].groupby(["day", "scenario_id"])["fc"].mean()
    np.testing.assert_allclose(means, 1, rtol=1e-4)


@pytest.mark.parametrize("name", ["exposure", "flag", "score"])
def test_coefficients_know_of_promotions_and_not_of_labels(world, name):
    found = correlations(world, name)
    assert abs(found["label"]) < 4 / np.sqrt(found["rows"])
    if name != "score":
        assert found["promoted"] < -0.3


@pytest.mark.parametrize("name", ["on", "told the truth", "weighting", "shared_bottom position", "sub-sampling 0.6"])
def test_every_way_to_train_is_judged(world, name):
    judged = outcome(world, KINDS[name])
    assert 0.5 < judged["auc"] < 0.8 and 0.5 < judged["logged_auc"] < 0.8
    assert 0 <= judged["exposure_error"] < 0.5
    if name == "on":  # what is served without bias nets is calibrated
        assert 0.7 < judged["pcoc"] < 1.4 and 0.8 < judged["truth"] < 1.25


def test_subsampling_drops_rows_under_promotion_only(world):
    kept = subsampled(world, 0.5)
    promoted = world.logged["campaign"].to_numpy(bool)
    expected = (~promoted).sum() + 0.5 * promoted.sum()
    assert abs(kept.rows - expected) < 5 * np.sqrt(promoted.sum())


def test_a_subset_of_a_store_has_the_same_rows(world):
    chosen = np.array([5, 0, 7001, 5])
    part = world.train.take(chosen)
    for number, row in enumerate(chosen):
        one, other = part.batch(np.array([number])), world.train.batch(np.array([row]))
        pd.testing.assert_series_equal(_plain(one), _plain(other))


def _plain(element) -> pd.Series:
    features, label, weight = element
    return pd.Series({name: value.numpy().tolist() for name, value in {**features, "y": label, "w": weight}.items()})
