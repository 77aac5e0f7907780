"""Attention of a real model on published examples."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from scenerank.components.workspace import Workspace
from scenerank.pipeline.drawing.page import Missing
from scenerank.pipeline.report import attention
from scenerank.pipeline.report.attention_weights import measure
from scenerank.pipeline.report.run import Run
from tests.components import tiny
from tests.pipeline import report_workspace as made


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A workspace with what a run of a tiny model leaves, and the rows of its day."""
    folder = tiny.trained()
    root = tmp_path_factory.mktemp("attention")
    workspace = Workspace(str(root / "workspace"))
    shutil.copytree(folder / "Split-eval", root / "aside" / "examples")
    workspace.publish("examples", made.DAY, str(root / "aside"))
    graph, run = (workspace.uri("tfx", *parts) for parts in (("Transform", "graph", "1"), ("Trainer", "run", "1")))
    shutil.copytree(folder / "transform", graph)
    shutil.copytree(folder / "run" / "model_run" / "weights", f"{run}/weights")
    record = made.record(pushed=False) | {
        "declaration": tiny.DECLARATION.model_dump(mode="json"),
        "config": {"declaration": "tiny", "trainer": {"model": "sar_net", "model_settings": tiny.SMALL}},
        "uris": {"Trainer": {"model_run": run}, "Transform": {"transform_graph": graph}},
    }
    workspace.write_text(workspace.uri("reports", f"day={made.DAY}", "run.json"), json.dumps(record))
    return workspace, tiny.table(2000).slice(1700)


def changed(workspace: Workspace, **settings) -> Run:
    run = Run.read(workspace, made.DAY)
    trainer = {"model": "sar_net", "model_settings": tiny.SMALL | settings}
    return Run(workspace, made.DAY, run.record.model_copy(update={"config": {"trainer": trainer}}))


@pytest.mark.slow
def test_weights_are_those_of_the_model(trained):
    workspace, batch = trained
    run = Run.read(workspace, made.DAY)
    paths = run.artifact("Trainer", "model_run", "weights"), run.artifact("Transform", "transform_graph")
    current, behavior, weight, length = measure(run, *paths, per_scenario=1000)
    newest = [row[-tiny.DECLARATION.history.length :] for row in batch.column("history_scenario").to_pylist() if row]
    assert sorted(length) == sorted(map(len, newest)) and len(current) == len(newest)
    assert length.sum() == len(behavior) == len(weight)
    # without renormalisation a product of two softmaxes adds up to at most 1, and to 1 for a single behavior
    totals = np.add.reduceat(weight, np.r_[0, np.cumsum(length)[:-1]])
    assert (totals <= 1 + 1e-5).all() and np.allclose(totals[length == 1], 1)
    assert sorted(behavior.tolist()) == sorted(name for row in newest for name in row)
    found = attention.summarize(current, behavior, weight, length)
    np.testing.assert_allclose(np.nansum(found.relative * found.behaviors), len(behavior), rtol=1e-5)
    few = measure(run, *paths, per_scenario=5)[0]
    assert max(np.unique(few, return_counts=True)[1]) == 5


@pytest.mark.slow
def test_section_draws_or_says_why_not(trained):
    workspace, _ = trained
    section = attention.section(Run.read(workspace, made.DAY))
    assert "<svg" in section.blocks[0].svg and "behaviors" in section.blocks[0].caption
    with pytest.raises(Missing, match="switched off"):
        attention.section(changed(workspace, attention="none"))
    run = Run.read(workspace, made.DAY)
    with pytest.raises(Missing, match="no longer in the workspace"):
        attention.section(Run(workspace, made.DAY, run.record.model_copy(update={"uris": {}})))
    with pytest.raises(Missing, match="settings"):
        attention.section(Run(workspace, made.DAY, run.record.model_copy(update={"config": None})))
