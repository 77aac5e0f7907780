"""Standard errors of AUCs: against brute force, DeLong's closed form, and how often intervals hold the truth."""

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import roc_auc_score

from scenerank.components.evaluator.confidence import Gap, half_width, holm
from scenerank.components.evaluator.deciding import with_errors
from scenerank.components.evaluator.jackknife import BINS, GROUPS, Replicates, cells, error, together
from scenerank.components.evaluator.metrics import LOGIT_RANGE, logit_bins
from scenerank.components.evaluator.settings import EvaluationSettings
from scenerank.components.evaluator.user_groups import OVERALL_PART, AddCells, counted, replicates
from scenerank.components.hashing import hash_column, mix
from scenerank.components.records.evaluation import Evaluation, SliceMetrics
from scenerank.schemas import load_declaration

MODELS = ("candidate", "served")


def simulated(rng, rows, users, by_user=0.0):
    """Users' hashes, labels and two equal models' scores; `by_user`: share of their noise that a user's rows share."""
    user = rng.integers(0, users, rows)
    truth = rng.normal(-2, 1, rows) + rng.normal(0, 0.5, users)[user]
    label = (rng.random(rows) < 1 / (1 + np.exp(-truth))).astype(np.int64)

    def score():
        noise = np.sqrt(by_user) * rng.normal(size=users)[user] + np.sqrt(1 - by_user) * rng.normal(size=rows)
        return 1 / (1 + np.exp(-(truth + 0.3 * noise)))

    return mix(user.astype(np.uint64)), label, [score(), score()]


def left_out(user, label, scores):
    cell, rows = np.unique(cells(user, label, scores), return_counts=True)
    return Replicates.of_cells(cell, rows, MODELS)


def delong(label, scores):
    """Errors of two AUCs and of their difference, rows independent: DeLong et al. (1988), all pairs."""
    placed = []
    for score in scores:
        wins = (score[label == 1, None] > score[None, label == 0]) + 0.5 * (
            score[label == 1, None] == score[None, label == 0]
        )
        placed.append((wins.mean(1), wins.mean(0)))
    pairs = [*placed, tuple(a - b for a, b in zip(*placed))]
    return [np.sqrt(of.var(ddof=1) / len(of) + off.var(ddof=1) / len(off)) for of, off in pairs]


def test_without_a_group_is_without_its_users():
    user, label, scores = simulated(np.random.default_rng(0), 4000, 300)
    found = left_out(user, label, scores)
    low, high = LOGIT_RANGE
    for model, score in zip(MODELS, scores):
        binned = low + (high - low) * logit_bins(score, BINS) / BINS
        for group in (0, 17, GROUPS - 1):
            kept = user % GROUPS != group
            assert found.auc(model)[1 + group] == pytest.approx(roc_auc_score(label[kept], binned[kept]), abs=1e-12)
        assert found.auc(model)[0] == pytest.approx(roc_auc_score(label, score), abs=2e-4)


def test_agrees_with_delong_where_rows_are_independent():
    rng = np.random.default_rng(1)
    rows = 6000
    ratios = []
    for _ in range(8):
        _, label, scores = simulated(rng, rows, rows)
        found = left_out(mix(np.arange(rows, dtype=np.uint64)), label, scores)
        mine, theirs = (found.auc(model) for model in MODELS)
        errors = [error(values, found.groups) for values in (mine, theirs, mine - theirs)]
        ratios.append(np.array(errors) / delong(label, scores))
    assert np.mean(ratios, axis=0) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("by_user", [0.0, 0.8])
def test_intervals_hold_the_truth(by_user):
    """Equal models, so the difference's truth is 0; where a user's rows share their noise DeLong's are too narrow."""
    rng = np.random.default_rng(2)
    z = []
    for _ in range(300):
        found = left_out(*simulated(rng, 3000, 150, by_user))
        gap = found.auc("candidate") - found.auc("served")
        z.append(gap[0] / error(gap, found.groups))
    assert np.mean(np.abs(z) < 2.0) == pytest.approx(0.95, abs=0.035)


def test_small_scenarios_together_rank_within_each():
    """Equal click rates within, unequal ones between: pairs of two scenarios would look like skill."""
    rng = np.random.default_rng(3)
    parts = []
    for rate in (0.02, 0.1, 0.4):
        label = (rng.random(3000) < rate).astype(np.int64)
        score = rate * np.exp(0.1 * rng.normal(size=(2, 3000)))
        parts.append(left_out(mix(rng.integers(0, 200, 3000).astype(np.uint64)), label, score))
    found = together(parts)
    one = error(found.auc("candidate"), found.groups)
    assert one == pytest.approx(0.29 / np.sqrt(1560), rel=0.35)
    assert abs(found.auc("candidate")[0] - 0.5) < 3 * one


def test_too_few_users_leave_the_error_unknown():
    user = np.zeros(100, np.uint64)
    label = np.arange(100) % 2
    found = left_out(user, label, [np.linspace(0.1, 0.9, 100)] * 2)
    assert error(found.auc("candidate"), found.groups) is None
    user[50:] = 1
    found = left_out(user, (np.arange(100) < 5).astype(int), [np.linspace(0.1, 0.9, 100)] * 2)
    assert error(found.auc("candidate"), found.groups) is None  # all clicks are of one group


def test_batches_add_up_to_the_whole():
    declared = load_declaration("simulator")
    rng = np.random.default_rng(4)
    rows = 5000
    _, label, scores = simulated(rng, rows, 100)
    batch = pa.RecordBatch.from_pydict(
        {
            declared.scenario.name: pa.array(rng.choice(["home", "hotels", "rare"], rows, p=[0.6, 0.399, 0.001])),
            declared.user.name: pa.array([f"u{number}" for number in rng.integers(0, 100, rows)]),
            declared.label.name: pa.array(label),
            **{model: pa.array(score.astype(np.float32)) for model, score in zip(MODELS, scores)},
        }
    )
    add, sums = AddCells(), {}
    for start in range(0, rows, 700):
        for part, table in counted(batch.slice(start, 700), declared, MODELS, 2):
            sums[part] = add.add_input(sums.get(part) or add.create_accumulator(), table)
    documents = [d for part in sums.values() for d in replicates(add.extract_output(part), MODELS)]
    assert {d["scenario"] for d in documents} == {"", "home", "hotels", "rare"}
    assert OVERALL_PART in sums
    user = hash_column(batch.column(declared.user.name))
    for document in documents:
        names = np.array(batch.column(declared.scenario.name))
        own = slice(None) if document["scenario"] == "" else names == document["scenario"]
        whole = left_out(user[own], label[own], [score.astype(np.float32)[own] for score in scores])
        found = Replicates.of_document(document)
        assert np.array_equal(found.clicks, whole.clicks)
        for model in MODELS:
            assert np.array_equal(found.wins[model], whole.wins[model])


def test_an_evaluation_gets_its_errors():
    rng = np.random.default_rng(5)
    named = {"": (4000, 2000), "large": (3000, 250), "small": (1000, 100)}
    left, slices = {}, {}
    for name, (rows, users) in named.items():
        user, label, scores = simulated(rng, rows, users)
        left[name] = left_out(user, label, scores)
        slices[name] = {
            model: {"auc": roc_auc_score(label, score), "examples": rows, "clicks": float(label.sum())}
            for model, score in zip(MODELS, scores)
        }
    found = with_errors(Evaluation.model_validate({"slices": slices}), left, EvaluationSettings())
    overall = found.of("candidate")
    assert overall.gap_error is None
    assert overall.freedom == GROUPS - 1
    assert 0 < found.of("served").gap_error < overall.auc_error
    assert half_width(overall) == pytest.approx(2.0 * overall.auc_error, rel=0.01)
    assert found.small["candidate"].clicks == found.of("candidate", "small").clicks
    assert found.small["served"].auc == pytest.approx(left["small"].auc("served")[0])


def test_p_values():
    assert Gap(0.0, 0.01, 63).p(0.0) == pytest.approx(0.5)
    assert Gap(-0.01 - 1.669 * 0.01, 0.01, 63).p(0.01) == pytest.approx(0.05, abs=1e-3)
    assert half_width(SliceMetrics(auc=0.7)) is None


def test_holm():
    assert holm([], 0.05) == []
    assert holm([0.04, 0.001, 0.02], 0.05) == [True, True, True]
    assert holm([0.04, 0.001, 0.03], 0.05) == [False, True, False]
