"""Days in a row, each model going on from the one before: pushed, refused by the gate, rolled back, run again."""

from __future__ import annotations

import pytest

from scenerank.components.pusher.releases import rollback
from tests.pipeline.small_world import World, hashes

pytestmark = pytest.mark.slow

DAYS = [f"2024-03-0{number}" for number in range(1, 7)]
ON = ("trainer.mode=incremental", "window.days=5", "trainer.full_every=30")


def run(world: World, day: str, *settings: str, code: int = 0) -> dict:
    """Runs a day; what was said of its training."""
    chosen = [word for assignment in (*ON, *settings) for word in ("--set", assignment)]
    answer = world.run("--day", day, *chosen)
    assert answer.code == code, answer.text
    return record(world, day)["history"]["lineage"]


def record(world: World, day: str) -> dict:
    return world.workspace.read_json(world.workspace.uri("reports", f"day={day}", "run.json"))


def test_days_in_a_row(tmp_path):
    world = World.create(tmp_path / "world", days=len(DAYS))
    workspace = world.workspace

    first = run(world, DAYS[1])
    assert (first["mode"], first["reason"]) == ("full", "no model is in service")
    assert first["learned"] == DAYS[:1]

    second = run(world, DAYS[2])
    assert (second["mode"], second["base"], second["full_day"]) == ("incremental", 2024030201, DAYS[1])
    assert second["days"] == [DAYS[1]] and second["learned"] == DAYS[:2]
    history = record(world, DAYS[2])["history"]
    assert history["examples"] == history["rows"]["train"] and "val_auc" in history["epochs"][0]

    refused = run(world, DAYS[3], "evaluation.pcoc_min=900", code=4)
    assert refused["days"] == [DAYS[2]] and workspace.served() == 2024030301

    fourth = run(world, DAYS[4])  # two days, since that one was not pushed
    assert fourth["base"] == 2024030301 and fourth["days"] == DAYS[2:4] and fourth["learned"] == DAYS[:4]
    pushed = workspace.read_json(f"{workspace.model(2024030501)}/assets.extra/lineage.json")
    assert pushed["training"] == fourth
    report = workspace.read_text(workspace.uri("reports", f"day={DAYS[4]}", "report.html"))
    assert "before it was learned" in report and "from version 2024030301 on" in report

    before = hashes(workspace.checkpoint(2024030501))
    assert run(world, DAYS[4]) == fourth  # the same day again starts from the model before it: the same bytes
    assert workspace.versions()[-1] == 2024030501 and hashes(workspace.checkpoint(2024030501)) == before

    rollback(workspace, 2024030201)
    sixth = run(world, DAYS[5])
    assert (sixth["base"], sixth["days"], sixth["learned"]) == (2024030201, DAYS[1:5], DAYS[:5])

    changed = run(world, DAYS[5], "trainer.model_settings.embedding.dim=8")
    assert changed["mode"] == "full" and changed["base"] is None and changed["learned"] == DAYS[:5]
    assert changed["reason"] == "trainer.model_settings is not what the model in service was trained with"
    due = run(world, DAYS[5], "trainer.full_every=4")
    assert due["reason"] == "the last full training was 4 days ago, on 2024-03-02"
