"""A run whose model in service has fallen from the one before it: three models are scored on the day."""

import json
import shutil

import pytest

from scenerank.components.records.evaluation import CANDIDATE, CHAMPION, OVERALL, SERVED
from scenerank.components.records.run import run_record
from tests.pipeline.small_world import DAY

pytestmark = pytest.mark.slow

BEST, FALLEN = 2024030101, 2024030201


def test_the_best_version_of_the_last_weeks_is_evaluated_too(world, capfd):
    """It is the same model here, pushed a day earlier, so that its AUC is known."""
    space = world.workspace
    for kind in ("models", "checkpoints"):
        shutil.copytree(f"{space.root}/{kind}/{FALLEN}", f"{space.root}/{kind}/{BEST}")
    lineage = f"{space.model(FALLEN)}/assets.extra/lineage.json"
    told = space.read_json(lineage)
    told["metrics"][OVERALL][SERVED] = {"auc": told["metrics"][OVERALL][CANDIDATE]["auc"] + 0.02, "gap_error": 0.001}
    space.write_text(lineage, json.dumps(told))
    answer = world.run("--day", DAY)
    assert answer.code == 0, answer.text
    told = capfd.readouterr().out
    assert "AUC ±95 %" in told
    assert " ±0." in told
    assert "the verdict rests on" in told
    record = run_record(space, DAY)
    found = record.metrics
    assert found.champion == BEST
    assert found.of(CHAMPION).auc == found.of(SERVED).auc
    assert found.of(CHAMPION).gap_error == found.of(SERVED).gap_error > 0
    assert found.of(CANDIDATE).auc_error > found.of(SERVED).gap_error
    assert set(found.small) == {CANDIDATE, SERVED, CHAMPION}
    assert found.small[CANDIDATE].examples == found.of(CANDIDATE).examples  # none of these scenarios is large
    assert any("the verdict rests on" in remark for remark in record.verdict.remarks)
