"""MuseNet finds scenarios that nothing names; with the paper's divergence it finds none."""

import models  # noqa: F401  isort: skip
import pytest

from tests.models.hidden_scenarios import found, learned

pytestmark = pytest.mark.slow
APART = 2.0
"""Of prototypes on a sphere of radius 3."""


@pytest.mark.parametrize("scenarios", ["soft", "hard"])
def test_hidden_scenarios_are_found(scenarios):
    training = learned(scenarios=scenarios)
    assert found(training.serving)["rand"] > 0.9
    assert training.serving.learner.prototypes.smallest_distance() > APART
    assert training.watched_metrics["greatest_share"].result() > 0.8


def test_divergence_of_every_row_hides_them():
    training = learned(divergence="row")
    assert found(training.serving)["rand"] < 0.4
    assert training.serving.learner.prototypes.smallest_distance() < APART


def test_small_spheres_and_the_divergence_of_every_row_bring_prototypes_together():
    training = learned(divergence="row", radius=1.0)
    assert found(training.serving)["rand"] < 0.1
    assert training.serving.learner.prototypes.smallest_distance() < 0.1
