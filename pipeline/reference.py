"""Reference tables of the README, written from the declarations and the configuration classes.

`python -m pipeline.reference README.md` renews what stands between the markers; a test holds them to it.
"""

from __future__ import annotations

import inspect
import pathlib
import re
import sys
import typing
from collections.abc import Iterator

import pydantic
from pydantic_core import PydanticUndefined

from pipeline.config import Config
from schemas import Column, Declaration, load_declaration


def log_format(declaration: Declaration) -> str:
    """Markdown table of a data set's log columns."""
    rows = ["| column | type | group | allowed | encoding | |", "|---|---|---|---|---|---|"]
    for column in declaration.columns:
        rows.append(
            f"| `{column.name}` | {column.type} | {column.group}{', key' if column.key else ''} | {_allowed(column)} "
            f"| {_encoding(column)} | {column.description} |"
        )
    return "\n".join(rows)


def _allowed(column: Column) -> str:
    rules = [] if column.required else [f"null: {column.fill!r}"]
    if column.values is not None:
        rules.append(" or ".join(map(str, column.values)))
    rules += [f"{sign} {bound:g}" for sign, bound in (("≥", column.min), ("≤", column.max)) if bound is not None]
    return ", ".join(rules)


def _encoding(column: Column) -> str:
    encoding = column.encoding
    if encoding is None:
        return "—"
    if encoding.kind == "vocabulary":
        return "vocabulary" + (f", ≥ {encoding.min_count} rows" if encoding.min_count > 1 else "")
    return encoding.kind + (f" {encoding.size}" if encoding.size else "")


def configuration() -> str:
    """Markdown table of all settings: full key, type, default, meaning."""
    rows = ["| key | type | default | meaning |", "|---|---|---|---|"]
    rows += _settings(Config, "")
    return "\n".join(rows)


def _settings(node: type[pydantic.BaseModel], prefix: str) -> Iterator[str]:
    meanings = _meanings(node)
    hints = typing.get_type_hints(node)
    for name, field in node.model_fields.items():
        kind = hints[name]
        if isinstance(kind, type) and issubclass(kind, pydantic.BaseModel):
            yield from _settings(kind, f"{prefix}{name}.")
            continue
        shown = kind.__name__ if isinstance(kind, type) else str(kind).replace("typing.", "")
        shown = re.sub(r"Literal\[(.*)\]", r"\1", shown).replace("|", "or").replace("NoneType", "none")
        default = (
            "required"
            if field.default is PydanticUndefined and not field.default_factory
            else field.get_default(call_default_factory=True)
        )
        yield f"| `{prefix}{name}` | {shown} | `{default}` | {meanings.get(name, '')} |"


def _meanings(node: type[pydantic.BaseModel]) -> dict[str, str]:
    """Meanings of the attributes, from the `Attributes:` sections of a class and of those it derives from."""
    found: dict[str, str] = {}
    for cls in reversed(node.__mro__):
        _, _, section = (inspect.cleandoc(cls.__doc__ or "")).partition("Attributes:")
        for names, text in re.findall(r"^\s*((?:\w+, )*\w+): (.*(?:\n\s{4,}(?!\w+: ).*)*)", section, re.MULTILINE):
            for name in names.split(", "):
                found[name] = " ".join(text.split())
    return found


BLOCKS = {
    "simulator-columns": lambda: log_format(load_declaration("simulator")),
    "configuration": configuration,
}


def renewed(text: str) -> str:
    """A document with each block between `<!-- NAME -->` and `<!-- /NAME -->` written anew."""

    def block(match: re.Match[str]) -> str:
        name = match[1]
        return f"<!-- {name} -->\n{BLOCKS[name]()}\n<!-- /{name} -->"

    return re.sub(rf"<!-- ({'|'.join(BLOCKS)}) -->\n.*?<!-- /\1 -->", block, text, flags=re.DOTALL)


if __name__ == "__main__":
    path = pathlib.Path(sys.argv[1])
    path.write_text(renewed(path.read_text()))
