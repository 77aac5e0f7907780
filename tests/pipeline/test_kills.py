"""kill -9 in the middle of each component, then a run again: as if nothing had happened."""

import os
import signal

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from scenerank.components.workspace import Workspace
from scenerank.pipeline.cli.main import main
from scenerank.pipeline.daily.run import locked
from tests.pipeline.killed_runs import run
from tests.pipeline.small_world import DAY, FIRST, SECOND

pytestmark = pytest.mark.slow

FILES = "apache_beam.io.filesystems:FileSystems.rename"
ANOMALIES = "tfx.utils.writer_utils:write_anomalies"
PUSHED = 2024030301
C = "scenerank.components"
KILLS = [
    ("LogExampleGen", f"{C}.log_example_gen.writing.writer:write", 2, "after"),  # two of four files
    ("LogExampleGen", f"{C}.log_example_gen.checking.quarantine:write", 1, "after"),  # not yet judged
    ("ServedModel", f"{C}.served_model.serve:mirror", 1, "after"),  # the model is there, its weights are not
    ("ProfileValidator", f"{C}.storage:write", 1, "after"),
    ("StatisticsGen", FILES, 1, "before"),
    ("ExampleValidator", ANOMALIES, 1, "after"),
    ("PreviousStatistics", f"{C}.previous_statistics.baseline:mirror", 1, "after"),
    ("DistributionValidator", ANOMALIES, 1, "before"),
    ("AnomalyGate", f"{C}.storage:write_json", 1, "after"),
    ("FairnessCoefficient", f"{C}.fairness_coefficient.records:write_records", 2, "after"),
    ("DayPublisher", f"{C}.workspace:Workspace.copy", 3, "after"),  # quarantine, fairness, half of the examples
    ("DayPublisher", f"{C}.workspace:Workspace.write_text", 1, "after"),  # one table of three is new
    ("ExamplesWindow", f"{C}.examples_window.window:mirror", 2, "after"),
    ("Transform", "tensorflow_transform.saved.saved_transform_io_v2:write_v2_saved_model", 1, "after"),
    ("Trainer", f"{C}.trainer.loop.early_stopping:EarlyStopping.on_epoch_end", 1, "after"),
    ("Trainer", f"{C}.trainer.checkpoint.weights:Weights.write", 1, "before"),  # exported, but no weights
    ("Evaluator", f"{C}.scoring:Scorer.__call__", 3, "after"),
    ("Blesser", f"{C}.storage:write", 2, "before"),  # BLESSED without a verdict
    ("Pusher", f"{C}.storage:write", 1, "after"),  # a whole model, not yet in its place
    ("Pusher", f"{C}.pusher.push:push", 1, "after"),  # in service, but nobody was told
]
"""In the order of a run: what one completed before it was killed the next does not run again."""


@pytest.fixture(scope="module")
def whole(base, tmp_path_factory):
    """A workspace whose run was left alone."""
    world = base.copy(tmp_path_factory.mktemp("whole") / "world")
    assert run(world.workspace.root, world.config, DAY) == 0
    return world


@pytest.fixture(scope="module")
def struck(base, tmp_path_factory):
    """A workspace of which one run after the other is killed."""
    return base.copy(tmp_path_factory.mktemp("struck") / "world")


def tables(world):
    """Hashes of what is published of the day, by table; statistics are not kept bit by bit."""
    found = {}
    for name, digest in world.published(DAY).items():
        if "/statistics/" not in name:
            found.setdefault(name.split("/")[0], {})[name] = digest
    return found


@pytest.mark.parametrize(
    ("component", "function", "call", "moment"),
    KILLS,
    ids=[f"{component}-{moment}-{function.split(':')[1]}-{call}" for component, function, call, moment in KILLS],
)
def test_a_kill_harms_nothing(base, whole, struck, component, function, call, moment):
    kill = {"component": component, "function": function, "call": call, "moment": moment}
    assert run(struck.workspace.root, struck.config, DAY, **kill) == -signal.SIGKILL
    workspace = struck.workspace
    assert base.served().items() <= struck.served().items()
    assert struck.published(FIRST, SECOND) == base.published(FIRST, SECOND)
    assert set(workspace.versions()) <= {*base.workspace.versions(), PUSHED}
    for version in workspace.versions():
        for part in ("saved_model.pb", "variables/variables.index", "assets.extra/lineage.json"):
            assert os.path.exists(f"{workspace.model(version)}/{part}")
        assert os.path.exists(f"{workspace.checkpoint(version)}/weights.npz")
    assert tables(struck).items() <= tables(whole).items()
    with locked(workspace):  # no lock is left
        pass
    assert CliRunner().invoke(main, ["show", "-w", workspace.root]).exit_code == 0


def coefficients(workspace: Workspace):
    return pq.ParquetFile(workspace.path(workspace.day("fairness", DAY)) + "/fairness.parquet").read()


def test_a_run_after_the_kills_ends_as_one_left_alone(whole, struck):
    assert run(struck.workspace.root, struck.config, DAY) == 0
    assert coefficients(struck.workspace).equals(coefficients(whole.workspace))
    assert tables(struck) == tables(whole)
    assert struck.workspace.versions() == whole.workspace.versions()
    found = struck.measured()
    assert found.keys() == whole.measured().keys()
    for scenario, models in whole.measured().items():
        for model, values in models.items():
            assert found[scenario][model] == pytest.approx(values, abs=1e-6, nan_ok=True)
    for name in ("models", "checkpoints", "examples", "fairness", "quarantine"):
        assert not [i.path for i in struck.workspace.list(struck.workspace.uri(name)) if "aside" in i.base_name]
