"""Tables of settings, from pydantic classes: key, type, default, and what `Attributes:` of the docstring says."""

from __future__ import annotations

import inspect
import json
import types
import typing
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import docstring_parser
import pydantic
from docstring_parser import DocstringStyle
from pydantic_core import PydanticUndefined

from scenerank.pipeline.reference.markdown import summary, table


class Setting(NamedTuple):
    """A leaf of a tree of settings, as the documents show it."""

    key: str
    type: str
    default: str
    meaning: str


def settings(node: type[pydantic.BaseModel], prefix: str = "", of: pydantic.BaseModel | None = None) -> list[Setting]:
    """All leaves of a group, in order; `of` is the default of the group, if it has one."""
    return list(_leaves(node, prefix, of))


def settings_table(rows: Iterable[Setting]) -> str:
    """Markdown table of settings."""
    shown = ([f"`{row.key}`", row.type, row.default, row.meaning] for row in rows)
    return table(["key", "type", "default", "meaning"], shown)


def configuration() -> str:
    """All settings of a pipeline: a heading and a table a group."""
    from scenerank.pipeline.config import Config

    alone = [row for row in settings(Config) if "." not in row.key]
    parts = [settings_table(alone)]
    for name, field in Config.model_fields.items():
        if isinstance(field.default, pydantic.BaseModel):
            group = type(field.default)
            rows = settings(group, f"{name}.", field.default)
            parts.append(f"## `{name}`\n\n{summary(group)}\n\n{settings_table(rows)}")
    return "\n\n".join(parts)


def _leaves(node: type[pydantic.BaseModel], prefix: str, of: pydantic.BaseModel | None) -> Iterator[Setting]:
    told, hints = meanings(node), typing.get_type_hints(node)
    for name, field in node.model_fields.items():
        kind = hints[name]
        if _is_plain(kind) and issubclass(kind, pydantic.BaseModel):
            default = getattr(of, name) if of else field.default
            yield from _leaves(kind, f"{prefix}{name}.", default if isinstance(default, kind) else None)
            continue
        default = field.get_default(call_default_factory=True) if of is None else getattr(of, name)
        yield Setting(f"{prefix}{name}", type_name(kind), _default(default), told.get(name) or field.description or "")


def _is_plain(kind: Any) -> bool:
    return isinstance(kind, type) and not typing.get_args(kind)


def type_name(kind: Any) -> str:
    """A type as people write its values in YAML: allowed values, or names with `or` between."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        return type_name(inner[0])
    if origin is typing.Literal:
        return ", ".join(f"`{value}`" for value in inner)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(dict.fromkeys(type_name(one) for one in inner))
    if origin is tuple:
        return f"list of {' or '.join(dict.fromkeys(type_name(one) for one in inner if one is not ...))}"
    if origin is dict:
        return f"map from {type_name(inner[0])} to {type_name(inner[1])}"
    if kind is Any:
        return "any"
    return "null" if kind is type(None) else kind.__name__


def _default(value: Any) -> str:
    """A default as YAML has it."""
    if value is PydanticUndefined:
        return "required"
    if isinstance(value, str) and value:
        return f"`{value}`"
    return f"`{json.dumps(value)}`"


def meanings(node: type[pydantic.BaseModel]) -> dict[str, str]:
    """Meanings of the attributes, from the `Attributes:` sections of a class and of those it derives from."""
    found: dict[str, str] = {}
    for cls in reversed(node.__mro__):
        for entry in docstring_parser.parse(inspect.cleandoc(cls.__doc__ or ""), DocstringStyle.GOOGLE).params:
            for name in entry.arg_name.split(", "):
                found[name] = " ".join((entry.description or "").split())
    return found
