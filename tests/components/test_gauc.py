import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from scenerank.components.evaluator.gauc import GroupedAuc, grouped_auc


def naive(request, label, score):
    """GAUC straight from its definition."""
    total = GroupedAuc()
    for r in np.unique(request):
        rows = request == r
        if len(np.unique(label[rows])) < 2:
            total += GroupedAuc(one_class=1)
        else:
            total += GroupedAuc(roc_auc_score(label[rows], score[rows]) * rows.sum(), int(rows.sum()), 1)
    return total


rows = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 1), st.sampled_from([0.1, 0.2, 0.5, 0.9])), max_size=60)


@settings(deadline=None, max_examples=60)
@given(rows)
def test_equals_definition(data):
    request, label, score = (np.array(c) for c in zip(*data)) if data else (np.array([]),) * 3
    found, expected = grouped_auc(request, label, score), naive(request, label, score)
    assert (found.impressions, found.requests, found.one_class) == (
        expected.impressions,
        expected.requests,
        expected.one_class,
    )
    assert np.isclose(found.weighted, expected.weighted)


def test_parts_add_up():
    rng = np.random.default_rng(0)
    request, label, score = rng.integers(0, 30, 400), rng.integers(0, 2, 400), rng.random(400)
    half = request < 15
    parts = grouped_auc(request[half], label[half], score[half]) + grouped_auc(
        request[~half], label[~half], score[~half]
    )
    assert np.isclose(parts.value, grouped_auc(request, label, score).value)


def test_one_class_only_is_undefined():
    assert np.isnan(grouped_auc(np.array([1, 1]), np.array([0, 0]), np.array([0.1, 0.2])).value)
