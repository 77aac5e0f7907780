"""Eq. 1 to the letter where no model is in service yet: days are scored by a model of the other days."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.pipeline.small_world import World

DAYS = ("2024-03-01", "2024-03-02", "2024-03-03")


def coefficients(world: World, day: str) -> np.ndarray:
    table = pq.ParquetFile(f"{world.workspace.day('fairness', day)}/fairness.parquet").read()
    mean = table["score_sum"].to_numpy() / table["impressions"].to_numpy()
    assert (mean >= 0).all() and (mean <= 1).all()
    return table["raw_fc"].to_numpy()


@pytest.mark.slow
def test_every_day_of_the_window_is_scored_once_no_model_is_in_service(tmp_path):
    world = World.create(tmp_path / "world")
    chosen = ("--set", "fairness.numerator=score", "--set", "fairness.first_day=two_pass")
    answer = world.run("--day", DAYS[-1], *chosen)
    assert answer.code == 0, answer.text
    for day in DAYS:
        assert np.ptp(coefficients(world, day)) > 0.01


@pytest.mark.slow
def test_without_a_model_and_a_second_pass_scores_say_nothing(tmp_path):
    world = World.create(tmp_path / "world")
    answer = world.run("--day", DAYS[1], "--set", "fairness.numerator=score")
    assert answer.code == 0, answer.text
    assert all((coefficients(world, day) == 1).all() for day in DAYS[:2])
