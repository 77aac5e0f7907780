"""The documentation: short where it has to be, linked, built without warnings, and its first steps work as written."""

import importlib.util
import os
import pathlib
import re
import subprocess
import sys

import pytest
import yaml

ROOT = pathlib.Path(__file__).parents[1]
DOCS = ROOT / "docs"
STARTS = sorted((DOCS / "getting-started").glob("*.md"))
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]
SHELL = re.compile(r"^```(?:sh|bash|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SMALL = {"SCENERANK_QUICKSTART_IMPRESSIONS": "8000"}
"""What makes the first steps as short as a test."""
LINK = re.compile(r"\]\(([^)\s]+)\)")


def name(path):
    return str(path.relative_to(ROOT))


def without_code(text):
    return re.sub(r"^```.*?^```$|`[^`\n]+`", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(path):
    """Anchors of a page's headings, as its tables of contents make them."""
    found = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.M | re.S), re.MULTILINE)
    return {re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", title).strip().lower()) for title in found}


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_relative_links_lead_somewhere(page):
    for link in LINK.findall(without_code(page.read_text())):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{name(page)}: {link} leads nowhere"
        if anchor:
            assert anchor in anchors(target), f"{name(page)}: {link}: there is no such heading"


def test_every_page_is_in_the_navigation():
    def listed(node):
        if isinstance(node, str):
            return [node]
        return [page for child in (node.values() if isinstance(node, dict) else node) for page in listed(child)]

    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    excluded = site["exclude_docs"].split()
    pages = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    assert sorted(listed(site["nav"])) == sorted(pages.difference(excluded))


def test_hooks_fetch_nothing():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert [repo["repo"] for repo in hooks] == ["local"]
    assert {hook["language"] for hook in hooks[0]["hooks"]} == {"system"}


def test_the_model_of_the_how_to_is_one(monkeypatch):
    """It is built as registered models are, and gives a logit a row."""
    from scenerank.models import registry
    from tests.models.conftest import random_batch, small_features

    (code,) = re.findall(r"^```python\n(.*?)^```$", (DOCS / "how-to/add-a-model.md").read_text(), re.M | re.S)
    told = {"__name__": "logistic"}
    exec(compile(code, "add-a-model.md", "exec", dont_inherit=True), told)
    monkeypatch.setitem(registry.MODELS, "logistic", told["Logistic"])
    features = small_features()
    batch, _, _ = random_batch(features, 5)
    assert registry.build_model("logistic", features)(batch).shape == (5,)


@pytest.mark.slow
def test_the_site_is_built_without_a_warning_and_loads_nothing_from_elsewhere(tmp_path):
    assert importlib.util.find_spec("mkdocs"), "mkdocs is missing: run `make install`"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    pages = list(tmp_path.rglob("*.html"))
    assert len(pages) > len(PAGES) // 2
    for page in pages:
        loaded = re.findall(
            r"<(?:script|img|iframe|link)\b[^>]*(?:src|href)=[\"']?(?:https?:)?//[^>]*", page.read_text()
        )
        assert not loaded, f"{page.name} loads {loaded[0]}"


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("page", STARTS, ids=lambda page: page.stem)
def test_the_first_steps_work_as_they_are_written(page, tmp_path):
    """All shell blocks of a page, one after the other, in an empty folder."""
    blocks = SHELL.findall(page.read_text())
    assert blocks
    script = "\n".join(re.sub(r"^\$ ", "", block, flags=re.MULTILINE) for block in blocks)
    path = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
    command = ["bash", "-euo", "pipefail", "-c", script]
    done = subprocess.run(
        command, cwd=tmp_path, env=os.environ | {"PATH": path, **SMALL}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
