"""The comparison of models: metrics, significance, search, resuming, tables."""

from __future__ import annotations

import dataclasses
import json
import pathlib

import numpy as np
import pytest
from rich.console import Console

from scenerank.components.fairness_coefficient.settings import FairnessSettings
from scenerank.errors import ConfigurationError
from scenerank.pipeline.compare import runner, tables
from scenerank.pipeline.compare.coefficients import by_exposure, by_folds, by_score, subsampled
from scenerank.pipeline.compare.data import MADE_OF, _made_of, digest, read, ready, write
from scenerank.pipeline.compare.facts import Facts, _sessions
from scenerank.pipeline.compare.measures import measure, relative_improvement, significance
from scenerank.pipeline.compare.search import best, candidates
from scenerank.pipeline.compare.settings import (
    BenchmarkSettings,
    Search,
    Trial,
    load_benchmark,
    merged,
    model_settings,
    placed,
)
from scenerank.pipeline.config import load_config
from tests.pipeline.explained import prepared

TRIAL = Trial("kuairand", "multi", "sar_net", {"embedding": {"dim": 4}}, {"epochs": 1}, 0)


def facts(rows: int) -> Facts:
    random = np.random.default_rng(0)
    scenario = np.where(np.arange(rows) % 3 == 0, "b", "a")
    return Facts(scenario, random.integers(0, 9, rows), random.integers(0, 20, rows), "user_id")


def test_metrics_of_all_and_of_each_scenario():
    random = np.random.default_rng(1)
    score = random.random(400)
    label = (random.random(400) < score).astype("f4")
    found = measure(label, score, facts(400))
    assert set(found) == {"", "a", "b"}
    assert found[""]["rows"] == found["a"]["rows"] + found["b"]["rows"] == 400
    positive, negative = score[label == 1], score[label == 0]
    assert found[""]["auc"] == pytest.approx((positive[:, None] > negative[None]).mean())
    assert found[""]["pcoc"] == pytest.approx(score.sum() / label.sum())
    assert 0.5 < found[""]["gauc"] < 1 and 0.5 < found[""]["s_gauc"] < 1
    assert found[""]["logloss"] == pytest.approx(-np.mean(np.log(np.where(label == 1, score, 1 - score))))


def test_metrics_that_one_class_leaves_undefined():
    found = measure(np.zeros(10), np.full(10, 0.1), facts(10))[""]
    assert found["auc"] is None and found["pcoc"] is None and found["gauc"] is None
    assert found["logloss"] == pytest.approx(-np.log(0.9))


def test_sessions_end_with_a_pause_or_another_user():
    minute = 60_000
    users = np.array([1, 1, 1, 2, 1])
    times = np.array([0, 20, 51, 40, 82]) * minute  # pauses of 20, 31 and 31 minutes
    session = _sessions(users, times)
    assert session[0] == session[1] and len(set(session[[1, 2, 3, 4]])) == 4


def test_relative_improvement_and_significance():
    assert relative_improvement(0.75, 0.7) == pytest.approx(0.25)
    assert relative_improvement(0.75, 0.5) is None
    assert significance([0.7], [0.6]) == (None, None)
    t, u = significance([0.70, 0.71, 0.72, 0.71], [0.60, 0.61, 0.62, 0.60])
    assert t < 0.01 and u < 0.05
    assert significance([0.7, 0.7], [0.7, 0.7]) == (None, None)


def test_settings_are_the_shared_ones_and_then_the_models_own():
    config = load_config("kuairand")
    bench = BenchmarkSettings(shared={"embedding": {"dim": 6}}, models={"mmoe": {"embedding": {"l2": 0.5}}})
    mine = model_settings("mmoe", config, bench)
    assert mine["embedding"]["dim"] == 6 and mine["embedding"]["l2"] == 0.5
    assert "behavior_value" not in mine, "what only SAR-Net knows"
    assert model_settings("sar_net", config, bench)["behavior_value"] == "all"
    with pytest.raises(ConfigurationError, match="mmoe: attention"):
        model_settings("mmoe", config, BenchmarkSettings(models={"mmoe": {"attention": "none"}}))


def test_a_wrong_file_is_refused_with_what_is_wrong(tmp_path):
    assert load_benchmark(None) == BenchmarkSettings()
    path = tmp_path / "b.yaml"
    path.write_text("serach: {}")
    with pytest.raises(ConfigurationError, match="serach"):
        load_benchmark(str(path))
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_benchmark(str(tmp_path / "absent.yaml"))


def test_trees_are_merged_by_leaf():
    assert merged({"a": {"b": 1, "c": 2}}, placed("a.b", 3)) == {"a": {"b": 3, "c": 2}}


def test_search_tries_what_the_model_knows_and_looks_at_validation_alone():
    search = Search(space={"embedding.dim": [4, 8], "no_such_setting": [1], "shared_experts": [2, -1]})
    tried = list(candidates(search, TRIAL))
    assert tried[0] == TRIAL and len({t.key for t in tried}) == len(tried) == 3
    few = Search(method="random", trials=2, space={"embedding.dim": [4, 8, 12, 16]})
    assert list(candidates(few, TRIAL)) == list(candidates(few, TRIAL)) and len(list(candidates(few, TRIAL))) <= 3
    shares = [n / 1000 for n in range(1, 1000)]
    vast = {f"optimizer.{name}": shares for name in ("learning_rate", "epsilon", "beta_1", "beta_2")}
    assert len(list(candidates(Search(method="random", trials=2, space=vast), TRIAL))) == 3
    results = [
        {"validation_auc": v, "settings": s, "metrics": {"": {"auc": 1 - v}}} for v, s in ((0.6, "a"), (0.7, "b"))
    ]
    assert best(results) == "b"


def result(model: str, seed: int, auc: float) -> dict:
    one = {"auc": auc, "logloss": 0.5, "gauc": None, "s_gauc": 0.6, "pcoc": 1.0, "rows": 10, "clicks": 5}
    return {
        "key": f"{model}{seed}", "model": model, "protocol": "multi", "seed": seed, "parameters": 1000,
        "rows_per_second": 2000, "inference_ms": 3.0, "peak_mb": 500, "seconds": 1.0,
        "metrics": {"": one, "home": {**one, "rows": 7}, "search": {**one, "auc": None, "rows": 3}},
    }  # fmt: skip


def test_results_survive_a_line_that_was_cut_off(tmp_path):
    results = runner.Results(str(tmp_path))
    results.add(result("mmoe", 0, 0.7))
    with open(results.path, "a") as stream:
        stream.write('{"key": "cut')
    again = runner.Results(str(tmp_path))
    assert set(again.by_key) == {"mmoe0"}
    again.add(result("mmoe", 1, 0.71))
    lines = pathlib.Path(results.path).read_text().splitlines()
    assert [json.loads(line)["seed"] for line in lines if line.startswith('{"key": "mmoe')] == [0, 1]
    assert set(runner.Results(str(tmp_path)).by_key) == {"mmoe0", "mmoe1"}


def test_trials_with_a_result_are_not_run_again(tmp_path):
    results = runner.Results(str(tmp_path))
    results.add({**result("sar_net", 0, 0.7), "key": TRIAL.key})
    found, failures = runner.run_trials([TRIAL], results, "no such folder", 1, Console(quiet=True))
    assert [r["key"] for r in found] == [TRIAL.key] and not failures


def test_a_failed_process_is_named_and_the_others_go_on(tmp_path):
    results = runner.Results(str(tmp_path))
    found, failures = runner.run_trials([TRIAL], results, str(tmp_path / "absent"), 1, Console(quiet=True))
    assert not found and len(failures) == 1 and "multi sar_net" in failures[0]


def test_tables_rank_by_auc_and_compare_with_the_best_other(tmp_path):
    results = [
        result(m, s, auc + s / 1000) for m, auc in (("mmoe", 0.70), ("sar_net", 0.75), ("din", 0.72)) for s in range(3)
    ]
    table = tables.comparison("models", results, base="mmoe")
    assert [row[0] for row in table.rows] == ["sar_net", "din", "mmoe"]
    column = {name: i for i, name in enumerate(table.header)}
    assert table.rows[0][column["AUC"]] == "0.7510 ± 0.0010"
    assert table.rows[0][column["RelaImpr"]] == "+24.88 %" and table.rows[2][column["RelaImpr"]] == "+0.00 %"
    assert float(table.rows[0][column["p (t)"]]) < 0.01
    assert table.rows[0][column["AUC search"]] == "" and table.rows[0][column["GAUC"]] == ""
    tables.write([table], "A <comparison>", ["a note"], str(tmp_path / "t"))
    text = (tmp_path / "t.html").read_text()
    assert "A &lt;comparison&gt;" in text and text.count("<tr>") == 4
    assert "| sar_net | 3 | 0.7510 ± 0.0010 |" in (tmp_path / "t.md").read_text()


def test_variants_stand_in_the_order_given():
    table = tables.variants("t", {"none": [result("sar_net", 0, 0.7)], "full": [result("sar_net", 1, 0.6)]})
    assert [row[0] for row in table.rows] == ["none", "full"]


WIDE = FairnessSettings(clip_min=0.0, clip_max=1e6)


def keyed(store):
    return np.arange(store.rows) % 2, store.scenarios, store.integer_column(store.features.item)


def test_coefficients_by_score_are_mean_score_over_mean_score():
    store = prepared().train
    days, scenarios, items = keyed(store)
    score = np.random.default_rng(0).random(store.rows)
    coefficient = by_score(days, scenarios, items, score, WIDE)
    for day in (0, 1):
        for scenario in np.unique(scenarios):
            here = (days == day) & (scenarios == scenario)
            assert coefficient[here].mean() == pytest.approx(1, rel=1e-4)
            one = here & (items == items[here][0])
            assert coefficient[one] == pytest.approx(score[one].mean() / score[here].mean(), rel=1e-4)


def test_coefficients_by_exposure_fall_with_what_is_shown_beyond_the_days_before():
    random = np.random.default_rng(0)
    days = np.repeat(np.arange(4), 2000)
    items = random.integers(0, 20, 8000)
    items[(days == 3) & (random.random(8000) < 0.3)] = 7
    coefficient = by_exposure(days, np.full(8000, "page"), items, WIDE)
    assert (coefficient[days == 0] == 1).all()
    assert coefficient[(days == 3) & (items == 7)].max() < 0.4 < 0.9 < coefficient[(days == 3) & (items != 7)].min()
    assert np.abs(np.log(coefficient[days < 3])).max() < 0.4
    reversed_ids = by_exposure(days, np.full(8000, "page"), 19 - items, WIDE)
    np.testing.assert_allclose(reversed_ids, coefficient, rtol=1e-5)


def test_no_row_is_scored_by_a_model_that_learned_from_its_day():
    days = np.random.default_rng(0).integers(0, 5, 100)
    seen = []

    def score(learned, held):
        assert not set(days[learned]) & set(days[held])
        seen.append(held)
        return held.astype(float)

    np.testing.assert_array_equal(by_folds(days, score), np.arange(100))
    assert len(seen) == 2


def test_sub_sampling_drops_rows_that_somebody_intervened_in():
    store = prepared().train
    coefficient = np.where(np.arange(store.rows) % 3 == 0, 0.4, 1.1).astype(np.float32)
    kept = subsampled(store.with_coefficients(coefficient), 0.5, seed=0)
    assert (kept.coefficients > 1).sum() == (coefficient > 1).sum()
    below = (coefficient < 1).sum()
    assert 0.2 * below < (kept.coefficients < 1).sum() < 0.8 * below


def test_coefficients_stand_apart_from_what_results_are_kept_by(tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    other = np.linspace(0.5, 2, prepared().train.rows).astype(np.float32)
    write(prepared(), str(first))
    write(dataclasses.replace(prepared(), train=prepared().train.with_coefficients(other)), str(second))
    assert digest(str(first)) == digest(str(second))
    assert digest(str(first), coefficients=True) != digest(str(second), coefficients=True)
    np.testing.assert_array_equal(read(str(second)).train.coefficients, other)


def test_data_made_otherwise_are_not_taken_for_these(tmp_path):
    config = load_config("movielens")
    assert not ready("movielens", config, str(tmp_path))
    (tmp_path / "features.json").write_text("{}")
    (tmp_path / MADE_OF).write_text(_made_of("movielens", config))
    assert ready("movielens", config, str(tmp_path))
    for data, other in (("movielens_time", config), ("movielens", load_config("movielens", ("window.days=1",)))):
        with pytest.raises(ConfigurationError, match="was made of another data set"):
            ready(data, other, str(tmp_path))


def test_a_digest_tells_data_apart(tmp_path):
    (tmp_path / "features.json").write_text("{}")
    np.save(tmp_path / "days.npy", np.zeros(3))
    before = digest(str(tmp_path))
    assert before == digest(str(tmp_path))
    np.save(tmp_path / "days.npy", np.ones(3))
    assert before != digest(str(tmp_path))
