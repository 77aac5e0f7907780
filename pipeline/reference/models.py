"""Pages of models, from their classes and from what was measured of them."""

from __future__ import annotations

import inspect
import pathlib
import re
from collections.abc import Iterator

from scenerank.models.base import RankingModel
from scenerank.models.registry import BASELINES, MODELS
from scenerank.models.settings import ModelSettings
from scenerank.pipeline.reference.markdown import ROOT, summary, table
from scenerank.pipeline.reference.settings import Setting, settings, settings_table

MEASURED = ROOT / "docs" / "benchmarks" / "models.md"
SHOWN = ("seeds", "AUC", "LogLoss", "GAUC", "PCOC", "parameters")
"""Columns of the measured tables that a model's page repeats."""


def shared_settings() -> str:
    """Table of the settings that every model has."""
    return settings_table(settings(ModelSettings))


def own_settings(name: str) -> str:
    """Table of the settings that a model adds, and of shared ones whose default is another."""
    rows = _own(MODELS[name])
    return settings_table(rows) if rows else "None beyond those that all models share."


def _own(model: type[RankingModel]) -> list[Setting]:
    shared = {(row.key, row.default) for row in settings(ModelSettings)}
    return [row for row in settings(model.settings_class) if (row.key, row.default) not in shared]


def source(name: str) -> str:
    """Path of the model's file in the repository."""
    return str(pathlib.Path(inspect.getfile(MODELS[name])).relative_to(ROOT))


def measured(name: str) -> str:
    """A model's rows of the measured tables."""
    rows = [[title, *(cells.get(column, "") for column in SHOWN)] for title, cells in _measured(name)]
    return table(["data", *SHOWN], rows) if rows else "Nothing is recorded."


def _measured(name: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Title of a table and the model's cells in it, by column; tables without AUC (speeds) are left out."""
    for part in re.split(r"^## ", MEASURED.read_text(), flags=re.MULTILINE)[1:]:
        title, lines = part.partition("\n")[0], re.findall(r"^\| (.*) \|$", part, re.MULTILINE)
        header = lines[0].split(" | ") if lines else []
        for line in lines[2:]:
            cells = dict(zip(header, line.split(" | ")))
            if cells.get("model") == name and "AUC" in cells:
                yield title, cells


def baselines() -> str:
    """The systems that models are compared with: an overview, then a heading with settings for each."""
    rows, parts = [], []
    for model in BASELINES:
        name = model.registered
        kuairand = next((cells["AUC"] for title, cells in _measured(name) if title.startswith("KuaiRand")), "")
        rows.append([f"[`{name}`](#{name})", model.paper, kuairand])
        parts.append(
            f"## `{name}`\n\n{summary(model)}\n\nPaper: {model.paper}. File: `{source(name)}`.\n\n{own_settings(name)}"
        )
    return "\n\n".join([table(["model", "paper", "AUC on KuaiRand"], rows), *parts])


def paper(name: str) -> str:
    """Where a model was published, and where it stands here."""
    return f"Paper: {MODELS[name].paper}. File: `{source(name)}`."
