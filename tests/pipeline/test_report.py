"""The page as a whole: what it holds, what it leaves out, and that it needs nothing else."""

from __future__ import annotations

import html
import html.parser
import json
import re

import pytest

from scenerank.components.workspace import Workspace, version
from scenerank.errors import WorkspaceError
from scenerank.pipeline.report.build import build_report
from tests.pipeline import report_workspace as made


def page(workspace: Workspace, day: str = made.DAY) -> str:
    uri = build_report(workspace, day)
    assert uri == workspace.uri("reports", f"day={day}", "report.html")
    return workspace.read_text(uri)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> str:
    return page(made.make(tmp_path_factory.mktemp("whole")))


class _Parser(html.parser.HTMLParser):
    """Collects tags, attributes and identifiers, and checks that elements close in order."""

    VOID = {"meta", "link", "img", "br", "hr", "input", "path", "use", "rect", "line", "circle", "image"}

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag


def test_holds_the_numbers_of_the_run(whole):
    text = html.unescape(whole)
    for shown in ("2024030401 pushed", "0.7312", "+0.0021, was 0.7291", "0.1876", "1.0200", "sar_net", "812,345"):
        assert shown in text
    assert "2024-03-01 to 2024-03-02, 2 days" in text  # days trained on
    assert "is_click: not one of 0, 1" in text and "113 (0.23 %)" in text  # quarantine
    assert "item<3>" in text  # the item that was boosted
    assert text.count("<svg") == 7


def test_loads_nothing(whole):
    parser = _Parser()
    parser.feed(whole)
    assert not parser.open
    assert not {"script", "link", "img", "iframe", "object", "embed"} & set(parser.tags)
    assert "http" not in whole and "@import" not in whole
    for _, name, value in parser.attributes:
        if name in ("src", "href", "xlink:href", "action", "data"):
            assert value.startswith("#")
    assert set(re.findall(r"url\((.)", whole)) <= {"#"}


def test_identifiers_are_unique_and_found(whole):
    parser = _Parser()
    parser.feed(whole)
    names = [value for _, name, value in parser.attributes if name == "id"]
    assert len(names) == len(set(names))
    used = {value[1:] for _, name, value in parser.attributes if name in ("href", "xlink:href")}
    used |= set(re.findall(r"url\(#([^)]+)\)", whole))
    assert used <= set(names)


def test_names_are_text(whole):
    assert "<script" not in whole.lower()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in whole
    assert "tiny $x$ &amp; co" in whole


def test_same_workspace_same_bytes(tmp_path):
    workspace = made.make(tmp_path)
    assert page(workspace) == page(workspace)


def test_not_pushed_says_why(tmp_path):
    text = page(made.make(tmp_path, pushed=False))
    assert "Not pushed" in text and "0.002 below the served model&#39;s 0.7391" in text


def test_first_model_is_compared_with_nothing(tmp_path):
    text = page(made.make(tmp_path, days=1, served=False))
    assert "nothing: no model was in service" in text and "In service" not in text
    assert "from the second run on" in text


def test_says_which_scenarios_did_not_decide(whole):
    (sentence,) = re.findall(r"With a say in the decision only together[^<]*", whole)
    assert sentence.strip().endswith("tiny $x$ &amp; co.")


@pytest.mark.parametrize(
    "parts", [("metrics", "window"), ("history", "verdict", "version"), ("seconds", "served_before")]
)
def test_parts_of_the_record_may_be_missing(tmp_path, parts):
    workspace = made.make(tmp_path, days=2)
    uri = workspace.uri("reports", f"day={made.DAY}", "run.json")
    record = workspace.read_json(uri)
    for part in parts:
        del record[part]
    workspace.write_text(uri, json.dumps(record))
    text = page(workspace)
    assert "could not be drawn" not in text and "</html>" in text


def test_tables_may_be_missing(tmp_path):
    workspace = made.make(tmp_path, days=2)
    for table in ("fairness", "quarantine"):
        workspace.delete(workspace.uri(table))
    text = page(workspace)
    assert "could not be drawn" not in text and "</html>" in text


def test_almost_nothing_is_enough(tmp_path):
    workspace = Workspace(str(tmp_path))
    workspace.write_text(workspace.uri("reports", f"day={made.DAY}", "run.json"), json.dumps({"day": made.DAY}))
    text = page(workspace)
    assert "could not be drawn" not in text and "Not pushed" in text


def test_a_broken_part_does_not_take_the_rest_along(tmp_path):
    workspace = made.make(tmp_path, days=2)
    uri = workspace.uri("reports", f"day={made.DAY}", "run.json")
    record = workspace.read_json(uri)
    record["metrics"]["calibration"] = {"candidate": "nonsense"}
    workspace.write_text(uri, json.dumps(record))
    text = page(workspace)
    assert "This part could not be drawn" in text and "Most boosted items" in text


def test_lineage_tells_the_configuration(tmp_path):
    workspace = made.make(tmp_path, days=1)
    number = version(made.DAY, 1)
    lineage = {"config": {"declaration": "simulator", "trainer": {"model": "mmoe"}}}
    workspace.write_text(f"{workspace.model(number)}/assets.extra/lineage.json", json.dumps(lineage))
    assert "mmoe" in page(workspace)


def test_a_day_that_was_not_run(tmp_path):
    with pytest.raises(WorkspaceError, match="run the day first"):
        build_report(Workspace(str(tmp_path)), made.DAY)
