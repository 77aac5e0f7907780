import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import log_loss, roc_auc_score

from scenerank.components.evaluator.metrics import Histogram


@pytest.mark.parametrize("center", [-5.0, -2.0, 0.5])
def test_agrees_with_sklearn(center):
    rng = np.random.default_rng(1)
    score = 1 / (1 + np.exp(-rng.normal(center, 1.0, 20_000)))
    label = (rng.random(len(score)) < score).astype(int)
    histogram = Histogram()
    for part in np.array_split(np.arange(len(score)), 7):
        histogram.add(label[part], score[part])
    found = histogram.results()
    assert found["auc"] == pytest.approx(roc_auc_score(label, score), abs=5e-5)
    assert found["log_loss"] == pytest.approx(log_loss(label, score), abs=1e-9)
    assert found["pcoc"] == pytest.approx(score.sum() / label.sum())
    assert found["examples"] == len(score)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1)), min_size=1, max_size=50), st.integers(0, 49))
def test_merging_changes_nothing(rows, cut):
    label, score = (np.array(c, float) for c in zip(*rows))
    whole, left, right = Histogram(), Histogram(), Histogram()
    whole.add(label, score)
    left.add(label[:cut], score[:cut])
    right.add(label[cut:], score[cut:])
    left.merge(right)
    for name, value in whole.results().items():
        assert left.results()[name] == pytest.approx(value, nan_ok=True)


def test_one_class_is_undefined():
    histogram = Histogram()
    histogram.add(np.zeros(3), np.array([0.1, 0.2, 0.3]))
    assert np.isnan(histogram.results()["auc"])
    assert np.isnan(histogram.results()["pcoc"])
