"""PreviousStatistics: which day is compared with, and in what."""

from tfx.types.standard_artifacts import ExampleStatistics

from scenerank.components.previous_statistics.component import PreviousStatistics
from scenerank.components.previous_statistics.drift import drift_config
from scenerank.components.workspace import Workspace
from scenerank.schemas import load_declaration
from tests.components.small_days import DECLARATION, fill, publish_small


def run(workspace, day, folder):
    own, previous = ExampleStatistics(), ExampleStatistics()
    own.uri, previous.uri = str(folder / "own"), str(folder / "previous")
    own.split_names = '["day"]'
    fill(folder / "own" / "Split-day", FeatureStats__pb="own")
    PreviousStatistics.test_call(statistics=own, previous=previous, workspace=workspace.root, day=day)
    assert previous.split_names == '["day"]'
    return (folder / "previous" / "Split-day" / "FeatureStats.pb").read_text()


def test_latest_earlier_day_else_own(tmp_path):
    workspace = Workspace(str(tmp_path / "w"))
    for day in ("2024-03-01", "2024-03-03", "2024-03-05"):
        publish_small(workspace, tmp_path / "source", day)
    assert run(workspace, "2024-03-01", tmp_path / "first") == "own"
    assert run(workspace, "2024-03-03", tmp_path / "second") == "x of 2024-03-01"
    assert run(workspace, "2024-03-05", tmp_path / "third") == "x of 2024-03-03"


def test_what_is_compared():
    features = {
        f.path.step[0]: f.distribution_comparator for f in drift_config(DECLARATION).default_slice_config.feature
    }
    assert set(features) == {"page", "clicked", "region", "level"}
    assert features["page"].infinity_norm.threshold == 0.3
    assert features["level"].jensen_shannon_divergence.threshold == 0.3
    assert features["clicked"].jensen_shannon_divergence.threshold == 0.03
    config = drift_config(load_declaration("simulator"), 0.1, label_threshold=0.2, volume=(0.5, 2.0))
    assert config.default_slice_config.num_examples_comparator.max_fraction_threshold == 2
    assert not {"user_id", "item_id", "hour"} & {f.path.step[0] for f in config.default_slice_config.feature}
