"""ExamplesWindow: which days, and their files."""

import json

import hypothesis
import pytest
from google.protobuf import text_format
from hypothesis import strategies as st
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.types.standard_artifacts import Examples, Schema

from scenerank.components.examples_window.component import ExamplesWindow
from scenerank.components.examples_window.folds import ALL, of_fold
from scenerank.components.examples_window.settings import WindowSettings
from scenerank.components.examples_window.window import split_days
from scenerank.components.workspace import Workspace, shift
from scenerank.errors import WorkspaceError
from scenerank.schemas import FAIRNESS
from tests.components.small_days import DECLARATION, fill, publish_small

DAY = "2024-03-05"
BEFORE = ["2024-03-01", "2024-03-02", "2024-03-03", "2024-03-04"]


@hypothesis.given(st.integers(1, 12), st.integers(0, 4), st.integers(1, 15))
def test_splits_part_the_window_in_order(window_days, validation_days, logged):
    published = [shift(DAY, -back) for back in range(logged + 1)] + [shift(DAY, 1)]
    splits = split_days(DAY, published, published, window(window_days, validation_days))
    train, validation = splits["train"], splits.get("validation", [])
    assert splits["eval"] == [DAY]
    assert [*train, *validation] == [shift(DAY, -b) for b in range(min(window_days, logged), 0, -1)]
    assert train
    assert len(validation) in (0, validation_days)
    assert (len(validation) > 0) == (0 < validation_days < min(window_days, logged))
    assert all(splits.values())


def test_missing_days_are_named():
    with pytest.raises(WorkspaceError, match="2024-03-02, 2024-03-04 are missing within the 4 days"):
        split_days(DAY, BEFORE, [BEFORE[0], BEFORE[2], DAY], window(4))
    with pytest.raises(WorkspaceError, match="published of 2024-03-05: run its ingestion"):
        split_days(DAY, BEFORE, BEFORE, window(2))
    with pytest.raises(WorkspaceError, match="no day before 2024-03-05"):
        split_days(DAY, [DAY], [DAY], window(4))


@hypothesis.given(st.sets(st.sampled_from(BEFORE)), st.integers(0, 4))
def test_as_many_days_may_be_missing_as_are_allowed(missing, most):
    published = [d for d in [*BEFORE, DAY] if d not in missing]
    allowed = window(4, 0, missing="skip", most_missing=most)
    left = [d for d in BEFORE if d not in missing]
    if len(missing) > most:
        with pytest.raises(WorkspaceError, match=f"window.most_missing lets {most} be" if most else "missing within"):
            split_days(DAY, BEFORE, published, allowed)
    elif not left:
        with pytest.raises(WorkspaceError, match="no day before"):
            split_days(DAY, BEFORE, published, allowed)
    else:
        assert split_days(DAY, BEFORE, published, allowed) == {"train": left, "eval": [DAY]}


def window(days, validation_days=1, **more):
    return WindowSettings(days=days, validation_days=validation_days, **more)


def run(workspace, folder, days, **more):
    examples, schema = Examples(), Schema()
    examples.uri, schema.uri = str(folder / "examples"), str(folder / "schema")
    ExamplesWindow.test_call(
        examples=examples,
        schema=schema,
        workspace=workspace.root,
        day=DAY,
        declaration=DECLARATION.model_dump_json(),
        settings=window(days, **more).model_dump_json(),
        ingest="{}",
    )
    return examples, {str(f.relative_to(folder)): f for f in (folder / "examples").rglob("*.gz")}


def test_files_of_each_day_in_their_split(tmp_path):
    workspace = Workspace(str(tmp_path / "w"))
    for day in (*BEFORE, DAY, "2024-03-06"):
        publish_small(workspace, tmp_path / "source", day)
    examples, files = run(workspace, tmp_path, 3)
    assert {name: file.read_text() for name, file in files.items()} == {
        "examples/Split-train/2024-03-02-a.gz": "x of 2024-03-02",
        "examples/Split-train/2024-03-03-a.gz": "x of 2024-03-03",
        "examples/Split-validation/2024-03-04-a.gz": "x of 2024-03-04",
        "examples/Split-eval/2024-03-05-a.gz": "x of 2024-03-05",
    }
    assert json.loads(examples.split_names) == ["train", "validation", "eval"]
    window = json.loads((tmp_path / "examples" / "window.json").read_text())
    assert window["splits"] == {"train": BEFORE[1:3], "validation": BEFORE[3:], "eval": [DAY]}
    assert window["fairness"][DAY] == workspace.day("fairness", DAY)
    schema = text_format.Parse((tmp_path / "schema" / "schema.pbtxt").read_text(), schema_pb2.Schema())
    assert {"page", "ad", "clicked", FAIRNESS} <= {feature.name for feature in schema.feature}
    # publishing a day anew leaves the window as it was
    publish_small(workspace, tmp_path / "new", BEFORE[1], text="y")
    assert files["examples/Split-train/2024-03-02-a.gz"].read_text() == "x of 2024-03-02"


def test_one_training_day_is_not_held_out(tmp_path):
    workspace = Workspace(str(tmp_path / "w"))
    for day in (BEFORE[-1], DAY):
        publish_small(workspace, tmp_path / "source", day)
    examples, _ = run(workspace, tmp_path, 10)
    assert json.loads(examples.split_names) == ["train", "eval"]
    assert not (tmp_path / "examples" / "Split-validation").exists()


def test_a_published_day_without_files_is_refused(tmp_path):
    workspace = Workspace(str(tmp_path / "w"))
    publish_small(workspace, tmp_path / "source", DAY)
    publish_small(workspace, tmp_path / "source", BEFORE[-1])
    workspace.publish("examples", BEFORE[-1], {"examples": fill(tmp_path / "nothing")})
    with pytest.raises(WorkspaceError, match="examples is empty: run the ingestion of 2024-03-04 again"):
        run(workspace, tmp_path, 10)


@hypothesis.given(st.integers(2, 12))
def test_folds_part_the_days_so_that_each_is_scored_by_a_model_of_others(count):
    days = [shift(DAY, -back) for back in range(count, -1, -1)]
    before = days[:-1]
    scored = []
    for fold in (0, 1):
        learned = split_days(DAY, days, days, window(count), fold)
        assert learned["train"] == of_fold(before, fold) and "validation" not in learned
        held = of_fold(days, 1 - fold)
        assert not set(held) & set(learned["train"])
        scored += held
    assert sorted(scored) == days
    assert of_fold(days, ALL) == days
