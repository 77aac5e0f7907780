"""MuseNet finds scenarios that nothing names; with the paper's divergence it finds none."""

import models  # noqa: F401  isort: skip
import pytest

from tests.models.hidden_scenarios import found, learned

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("scenarios", ["soft", "hard"])
def test_hidden_scenarios_are_found(scenarios):
    training = learned(scenarios=scenarios)
    assert found(training.serving)["rand"] > 0.85
    assert training.serving.learner.prototypes.smallest_distance() > 1
    assert training.watched_metrics["greatest_share"].result() > 0.7


def test_divergence_of_every_row_brings_the_prototypes_together():
    training = learned(divergence="row")
    assert found(training.serving)["rand"] < 0.4
    assert training.serving.learner.prototypes.smallest_distance() < 0.3
