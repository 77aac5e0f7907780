"""A whole run whose training is spread over processes."""

from __future__ import annotations

import pytest

from tests.pipeline.small_world import DAY

CLUSTER = "trainer.cluster={workers: 2, servers: 2, min_shard_mb: 0.001}"


@pytest.mark.slow
def test_a_day_over_parameter_servers_is_pushed_and_the_next_command_reads_it(world):
    chosen = ("trainer.strategy=parameter_server", "trainer.warm_start=true", CLUSTER)
    answer = world.run("--day", DAY, *(word for setting in chosen for word in ("--set", setting)))
    assert answer.code == 0, answer.text
    version = world.workspace.served()
    history = world.workspace.read_json(f"{world.workspace.checkpoint(version)}/history.json")
    assert str(version).startswith(DAY.replace("-", "")) and history["strategy"] == "parameter_server"
    assert history["examples"] == 2 * history["rows"]["train"] and history["warm_start"]["cold"] == {}
    record = world.workspace.read_json(world.workspace.uri("reports", f"day={DAY}", "run.json"))
    assert record["metrics"]["slices"][""]["candidate"]["examples"] > 0
    assert not world.workspace.list(world.workspace.uri("tfx", "checkpoint", f"day={DAY}"))
