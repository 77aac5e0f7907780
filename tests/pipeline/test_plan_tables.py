"""What a model's weights, and its training, would need."""

from __future__ import annotations

import io
import re
import resource

import pytest
from rich.console import Console

from scenerank.pipeline.config import load_config
from scenerank.pipeline.plan.quantities import Budget
from scenerank.pipeline.plan.tables import print_weights
from scenerank.pipeline.plan.training import Training, machines
from tests.pipeline.small_world import CONFIG, DECLARATION

ROWS = 100_000_000


@pytest.fixture
def config(tmp_path):
    (tmp_path / "small.yaml").write_text(DECLARATION.replace("size: 256", f"size: {ROWS}"))
    (tmp_path / "config.yaml").write_text(CONFIG)
    return str(tmp_path / "config.yaml")


def plan(config: str, *overrides: str) -> dict[str, float]:
    """MiB by what holds them."""
    out = io.StringIO()
    print_weights(Console(file=out, width=120), load_config(config, overrides), None, 500)
    found = re.findall(r"^  (.+): ([\d,.]+) MiB$", out.getvalue(), re.MULTILINE)
    return {name: float(size.replace(",", "")) for name, size in found}


def test_a_hundred_million_rows_are_planned_and_not_allocated(config):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    table = ROWS * 4 * 4 / 2**20  # width 4, float32
    alone = plan(config)
    assert alone["all weights"] == pytest.approx(table, rel=0.01)
    assert alone["a worker"] == pytest.approx(3 * table, rel=0.01)
    spread = plan(config, "trainer.strategy=parameter_server", "trainer.cluster.servers=8")
    assert spread["a parameter server, of 8"] == pytest.approx(3 * table / 8, rel=0.02)
    assert spread["a worker"] == 0 and spread["the chief, while it exports"] == pytest.approx(table, rel=0.01)
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < 1000  # MiB; imports are in it


def test_compositional_tables_are_planned_as_they_are(config):
    small = plan(config, "trainer.model_settings={embedding: {dim: 4, compositional: {user_id: 10000}}}")
    assert small["all weights"] < 10


def test_training_grows_with_rows_and_passes_and_shrinks_with_machines():
    measured = Training(examples=400_000, passes=2.0, seconds=10.0)
    hours, one = machines(measured, 72e6, Budget(hours=4, efficiency=0.5))
    assert measured.rate == 40_000 and hours == pytest.approx(1.0) and one == 1
    more, many = machines(measured, 20 * 72e6, Budget(hours=4, efficiency=0.5))
    assert more == pytest.approx(20.0) and many == 10
    assert machines(measured, 20 * 72e6, Budget(hours=8, efficiency=0.5))[1] == 5
