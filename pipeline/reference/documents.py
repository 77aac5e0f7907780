"""Documents and the blocks in them: `<!-- NAME -->` to `<!-- /NAME -->` is written by the function of that name."""

from __future__ import annotations

import functools
import pathlib
import re
from collections.abc import Callable

from scenerank.pipeline.reference import command_line, data_sets, dependencies, settings
from scenerank.pipeline.reference.markdown import ROOT
from scenerank.schemas import columns, declaration
from scenerank.schemas.columns import Strict

MODELS = ("sar_net", "maria", "sfpnet", "musenet", "hierrec")


def documents() -> list[pathlib.Path]:
    """The README and all pages that have a block."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [page for page in pages if _blocks().search(page.read_text())]


def renewed(text: str) -> str:
    """A document with each of its blocks written anew."""
    return _blocks().sub(lambda match: f"<!-- {match[1]} -->\n\n{BLOCKS[match[1]]()}\n\n<!-- /{match[1]} -->", text)


def _blocks() -> re.Pattern[str]:
    return re.compile(rf"<!-- ({'|'.join(BLOCKS)}) -->\n.*?<!-- /\1 -->", re.DOTALL)


def _model(function: str, *arguments: str) -> str:
    """A block of `models`, which brings TensorFlow along and is imported only for it."""
    from scenerank.pipeline.reference import models

    return getattr(models, function)(*arguments)


def _declared() -> str:
    """Keys of a declaration: a heading and a table a class."""
    titles: dict[str, type[Strict]] = {
        "Top level": declaration.Declaration,
        "A column": columns.Column,
        "`encoding` of a column": columns.Encoding,
        "`history`": columns.History,
        "`rates`": columns.Rates,
    }
    return "\n\n".join(
        f"## {title}\n\n{settings.settings_table(settings.settings(kind))}" for title, kind in titles.items()
    )


BLOCKS: dict[str, Callable[[], str]] = {
    "dependencies": dependencies.dependencies,
    "configuration": settings.configuration,
    "declaration": _declared,
    "log-formats": data_sets.log_formats,
    "signature-inputs": data_sets.signature_inputs,
    "commands": command_line.command_line,
    "command-index": command_line.command_index,
    "exit-codes": command_line.exit_codes,
    "errors": command_line.error_classes,
    "model-settings": functools.partial(_model, "shared_settings"),
    "baselines": functools.partial(_model, "baselines"),
    **{
        f"{name}-{what}": functools.partial(_model, function, name)
        for name in MODELS
        for what, function in (("paper", "paper"), ("settings", "own_settings"), ("measured", "measured"))
    },
}
