"""A run on the portable runner, its workers processes of their own, and the same run in one process."""

import json
import sys

import pytest
from google.protobuf import json_format

from tests.pipeline.portable import portable
from tests.pipeline.small_world import DAY, SECOND, World

pytestmark = pytest.mark.slow

BEAM_COMPONENTS = 5
"""Of a day's run: LogExampleGen, StatisticsGen, FairnessCoefficient, Transform, Evaluator."""


@pytest.fixture(scope="module")
def runs(base, tmp_path_factory):
    """The same day run in one process, and by a job server and its workers."""
    folder = tmp_path_factory.mktemp("portable")
    inside, outside = base.copy(folder / "inside"), base.copy(folder / "outside")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["scenerank"])  # TFX reads flags from it where Beam has arguments
        assert inside.run("--day", DAY).code == 0
        with portable(folder / "logs") as engine:
            answer = outside.run("--day", DAY, "--set", f"beam={json.dumps(engine.settings)}")
            assert answer.code == 0, answer.text
            started = engine.workers_started()
    return inside, outside, started


STATISTICS = "FeatureStats.pb"
"""TFDV adds numbers in the order in which workers end: the last bit may differ, and the order of features does."""


def published(world: World) -> dict[str, str]:
    found = world.published(SECOND, DAY)
    return {name: digest for name, digest in found.items() if not name.endswith(STATISTICS)}


def statistics(world: World) -> dict[str, object]:
    """All values of the day's statistics, by where they stand."""
    import tensorflow_data_validation as tfdv

    (dataset,) = tfdv.load_stats_binary(f"{world.workspace.day('examples', DAY)}/statistics/{STATISTICS}").datasets
    found: dict[str, object] = {}

    def visit(place: str, value: object) -> None:
        parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, part in parts:
            visit(f"{place}/{key}", part)
        if not isinstance(value, (dict, list)):
            found[place] = value

    for feature in dataset.features:
        visit("".join(feature.path.step), json_format.MessageToDict(feature))
    return found


def calibration(world: World) -> dict:
    return world.workspace.read_json(world.workspace.uri("reports", f"day={DAY}", "run.json"))["metrics"]["calibration"]


def test_every_beam_component_ran_on_workers(runs):
    assert runs[2] == 2 * BEAM_COMPONENTS


def test_the_same_is_published(runs):
    inside, outside, _ = runs
    assert len(published(inside)) == 22
    assert published(outside) == published(inside)


def test_the_same_statistics_are_published(runs):
    one, other = (statistics(world) for world in runs[:2])
    assert len(one) > 100 and one.keys() == other.keys()
    differing = {key for key, value in one.items() if value != other[key]}
    assert {key: other[key] for key in differing} == pytest.approx({key: one[key] for key in differing}, rel=1e-12)


def test_the_same_model_is_trained(runs):
    inside, outside, _ = runs
    weights = [{k: v for k, v in world.served().items() if k.startswith("checkpoints/")} for world in (inside, outside)]
    assert weights[0] == weights[1] and any(f"{DAY.replace('-', '')}01/weights.npz" in name for name in weights[0])


def test_the_same_is_measured(runs):
    one, other = (world.measured() for world in runs[:2])
    assert one.keys() == other.keys()
    for scenario, models in one.items():
        for model, values in models.items():
            # Sums of scores are added in the order in which workers end: the last bit may differ.
            assert other[scenario][model] == pytest.approx(values, rel=1e-12, nan_ok=True)
    for model, bins in calibration(runs[0]).items():
        for mine, theirs in zip(bins, calibration(runs[1])[model], strict=True):
            assert theirs == pytest.approx(mine, rel=1e-12)
