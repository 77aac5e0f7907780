"""What a picture of a model consists of, and how pictures are written."""

from __future__ import annotations

import dataclasses
import json
import logging
import math
import os
import pathlib
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from scenerank.pipeline.drawing import html
from scenerank.pipeline.drawing.page import Figure, Missing, Note, Section, Table

TEMPLATE = pathlib.Path(__file__).with_name("explain.html")
XML = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '


@dataclasses.dataclass(frozen=True)
class Picture:
    """A part of a model's page.

    Attributes:
      name: of its files, and its place on the page.
      numbers: what it shows, for `NAME.json`: arrays as lists; what is not a number becomes null.
      blocks: figures and tables.
    """

    name: str
    title: str
    lead: str
    blocks: Sequence[Figure | Table | Note]
    numbers: dict[str, Any]


def attempt(name: str, title: str, make: Callable[[], Picture]) -> Picture:
    """The picture, or a sentence that says why there is none; other pictures do not fail with it."""
    try:
        return make()
    except Missing as missing:
        reason = str(missing)
    except Exception as error:
        logging.exception("%s could not be drawn", title)
        reason = f"This part could not be drawn: {type(error).__name__}: {error}"
    return Picture(name, title, "", [Note(reason)], {"missing": reason})


def write(pictures: Sequence[Picture], folder: str, title: str, facts: Sequence[tuple[str, str]]) -> None:
    """Writes `index.html`, `NAME.json` of each picture and `NAME.svg` (`NAME-2.svg`, ...) of its figures.

    Args:
      facts: term and value, for the head of the page.
    """
    os.makedirs(folder, exist_ok=True)
    for picture in pictures:
        with open(f"{folder}/{picture.name}.json", "w") as stream:
            json.dump(plain(picture.numbers), stream, indent=1)
        figures = [block for block in picture.blocks if isinstance(block, Figure)]
        for number, figure in enumerate(figures, start=1):
            with open(f"{folder}/{picture.name}{f'-{number}' if number > 1 else ''}.svg", "w") as stream:
                stream.write(standalone(figure.svg))
    sections = [Section(p.name, p.title, p.lead, p.blocks) for p in pictures]
    with open(f"{folder}/index.html", "w") as stream:
        stream.write(html.render(TEMPLATE, title=title, facts=facts, sections=sections))


def standalone(svg: str) -> str:
    """Markup of a page as a file of its own: with its names and size, on white."""
    box = re.search(r'viewBox="[-\d.]+ [-\d.]+ ([\d.]+) ([\d.]+)"', svg)
    paper = f'<rect width="{box[1]}" height="{box[2]}" fill="#fff"/>' if box else ""
    return svg.replace("<svg ", XML, 1).replace(">", f">{paper}", 1) + "\n"


def plain(value: Any) -> Any:
    """What JSON can hold."""
    if isinstance(value, dict):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value
