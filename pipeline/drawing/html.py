"""Pages of sections, each one file that loads nothing from elsewhere."""

from __future__ import annotations

import pathlib
from typing import Any

import jinja2

_KINDS = {"Figure": "figure", "Table": "table", "Note": "note"}


def render(template: pathlib.Path, **content: Any) -> str:
    """Fills a template, which extends `base.html`.

    Args:
      content: `sections`, a list of `page.Section`; `first`, a block above them, or nothing; what the template's own
        header asks for.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([template.parent, pathlib.Path(__file__).parent]),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["kind"] = lambda block: _KINDS[type(block).__name__]
    environment.filters["cell"] = lambda cell: (cell, "") if isinstance(cell, str) else (cell.text, cell.tone)
    return environment.get_template(template.name).render(**content)
