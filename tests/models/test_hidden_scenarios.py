"""MuseNet finds scenarios that nothing names; with the paper's divergence prototypes fall onto one another."""

import pytest

from tests.models.hidden_scenarios import found, learned

pytestmark = pytest.mark.slow
APART = 2.0
"""Of prototypes among samples whose root mean square length is 3."""


@pytest.mark.parametrize("scenarios", ["soft", "hard"])
def test_hidden_scenarios_are_found(scenarios):
    training = learned(scenarios=scenarios)
    assert found(training.serving)["rand"] > 0.9
    assert training.serving.learner.prototypes.smallest_distance() > APART
    assert training.watched_metrics["greatest_share"].result() > 0.8


def test_divergence_of_every_row_hides_them():
    training = learned(divergence="row")
    assert found(training.serving)["rand"] < 0.7
    assert training.serving.learner.prototypes.smallest_distance() < 0.1


def test_short_samples_and_the_divergence_of_every_row_bring_prototypes_together():
    training = learned(divergence="row", radius=1.0)
    assert found(training.serving)["rand"] < 0.1
    assert training.serving.learner.prototypes.smallest_distance() < 0.1
