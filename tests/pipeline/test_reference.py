"""Reference pages say what the code knows."""

import re

import pytest

from scenerank.errors import ExitCode
from scenerank.models.registry import MODELS, SCENARIO_MODELS
from scenerank.models.settings import ModelSettings
from scenerank.pipeline.cli.main import main
from scenerank.pipeline.config import Config
from scenerank.pipeline.reference import documents, models
from scenerank.pipeline.reference.dependencies import dependencies
from scenerank.pipeline.reference.markdown import ROOT
from scenerank.pipeline.reference.settings import settings, type_name
from scenerank.schemas.columns import Column, Encoding, History, Rates
from scenerank.schemas.declaration import Declaration


def relative(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("document", documents.documents(), ids=relative)
def test_documents_are_up_to_date(document):
    text = document.read_text()
    assert documents.renewed(text) == text, "run: make reference"


def test_every_block_stands_in_a_document():
    text = "".join(path.read_text() for path in documents.documents())
    assert [block for block in documents.BLOCKS if f"<!-- {block} -->" not in text] == []
    assert tuple(model.registered for model in SCENARIO_MODELS) == documents.MODELS


def test_every_dependency_is_locked_on_a_platform_and_has_a_licence():
    rows = [row.split(" | ") for row in dependencies().splitlines()[2:]]
    assert len(rows) > 25
    for _, new, old, extra, licence, why in rows:
        assert (new, old) != ("—", "—") and extra and licence and why


@pytest.mark.parametrize("group", [Config, Declaration, Column, Encoding, History, Rates, ModelSettings])
def test_every_setting_has_a_meaning(group):
    assert [row.key for row in settings(group) if not row.meaning] == []


@pytest.mark.parametrize("name", MODELS)
def test_every_setting_of_a_model_has_a_meaning(name):
    assert [row.key for row in settings(MODELS[name].settings_class) if not row.meaning] == []


@pytest.mark.parametrize("name", documents.MODELS)
def test_measured_rows_are_those_of_the_benchmarks(name):
    row = next(line for line in models.MEASURED.read_text().splitlines() if line.startswith(f"| {name} | "))
    assert f" | {row.split(' | ')[2]} | " in models.measured(name).splitlines()[2]


def test_types_are_shown_as_values_are_written():
    shown = {row.key: row for row in settings(Config)}
    assert shown["trainer.mode"].type == "`full`, `incremental`"
    assert shown["trainer.checkpoint_steps"][1:3] == ("int or null", "`null`")
    assert shown["trainer.refit_validation"].default == "`true`"
    assert type_name(dict[str, tuple[int, ...]]) == "map from str to list of int"


def test_commands_and_codes_are_all_there():
    commands = (ROOT / "docs/reference/cli.md").read_text()
    shown = [name for name, command in main.commands.items() if not command.hidden]
    assert len(shown) > 20
    for name in shown:
        assert re.search(rf"^### `scenerank {name}[` ]", commands, re.MULTILINE), name
    codes = (ROOT / "docs/reference/exit-codes.md").read_text()
    assert all(f"| {int(code)} | " in codes for code in ExitCode)
